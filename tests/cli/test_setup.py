"""From a database URL to a healthy set-up, on real servers: init, target prepare, doctor."""

import os
import stat
from urllib.parse import unquote

import psycopg
import pytest
from psycopg import sql

from interlock.access.verifier import derive_verifier
from interlock.app.certificates import development_certificate
from interlock.app.clock import now
from interlock.app.config import load_config
from tests.cli.running import interlock
from tests.conftest import Database

ROLE, PASSWORD = "interlock_gateway", "s3cret p@ss"


@pytest.fixture
def gone(database: Database):
    """Drops the gateway's role afterwards."""
    yield
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        if admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            admin.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(ROLE)))


def url(database):
    return database.dsn_as(ROLE, PASSWORD)


def init(database, place):
    """A set-up whose gateway nobody runs, whatever else listens on this machine."""
    made = interlock("init", "--url", url(database), "--target", "shop", "--json", cwd=place)
    assert made.code == 0, made.err
    file = place / "interlock.toml"
    file.write_text(file.read_text().replace("127.0.0.1:6432", "127.0.0.1:1"))
    return made.json


def graded(checks, grade):
    return {(check["about"], check["found"]) for check in checks if check["grade"] == grade}


@pytest.mark.usefixtures("gone")
def test_from_a_url_to_a_healthy_setup(database: Database, tmp_path):
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute("CREATE TABLE orders (id int)")
    made = init(database, tmp_path)
    config = load_config(tmp_path / "interlock.toml")
    verifier = config.principals["agent"].verifier
    assert derive_verifier(made["password"], salt=verifier.salt) == verifier

    sick = interlock("doctor", "--json", cwd=tmp_path)
    assert (sick.code, sick.json["healthy"]) == (78, False)
    assert {about for about, _ in graded(sick.json["checks"], "fail")} == {"target shop"}
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(PASSWORD)))
    poor = interlock("doctor", "--json", cwd=tmp_path)
    assert ("target shop", f"`{ROLE}` may read none of the tables there") in graded(poor.json["checks"], "warn")

    prepared = interlock("target", "prepare", "shop", "--apply", "--as-admin-url", database.dsn, cwd=tmp_path)
    assert prepared.code == 0, prepared.err

    well = interlock("doctor", "--json", cwd=tmp_path)
    assert (well.code, well.json["healthy"]) == (0, True), well.out
    assert {about for about, _ in graded(well.json["checks"], "warn")} == {"gateway"}
    with psycopg.connect(url(database)) as connection:
        assert connection.execute("SELECT * FROM orders").fetchall() == []


@pytest.mark.usefixtures("gone")
def test_the_doctor_sees_powers_company_and_open_secrets(database: Database, tmp_path):
    init(database, tmp_path)
    interlock("target", "prepare", "shop", "--apply", cwd=tmp_path, environ={"INTERLOCK_ADMIN_URL": database.dsn})
    (tmp_path / ".interlock/keys/tokens.key").chmod(0o604)
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {ROLE} BYPASSRLS CREATEDB")
        admin.execute(sql.SQL("ALTER DATABASE {} SET track_counts = off").format(sql.Identifier(database.name)))
        done = interlock("doctor", "--json", cwd=tmp_path)
        told = interlock("doctor", cwd=tmp_path)
    failed = " ".join(found for _, found in graded(done.json["checks"], "fail"))
    warned = " ".join(found for _, found in graded(done.json["checks"], "warn"))
    assert done.code == 78
    assert "tokens.key` is open to others" in failed
    assert "BYPASSRLS" in failed
    assert "track_counts is off" in failed
    assert "CREATEDB" in warned
    assert "past the gateway: postgres (1)" in warned
    assert "3 failed, 3 warned" in told.err
    assert max(map(len, told.err.splitlines())) <= 80


def test_prepare_prints_what_an_administrator_can_run(database18: Database, tmp_path):
    interlock("init", "--url", url(database18), "--target", "shop", cwd=tmp_path)
    done = interlock("target", "prepare", "shop", "--write", "--owner", "postgres", "--revoke-public", cwd=tmp_path)
    assert done.code == 0
    assert PASSWORD not in done.out
    with psycopg.connect(database18.dsn) as admin:
        admin.execute(done.out.encode())
        query = "SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = %s"
        assert admin.execute(query, [ROLE]).fetchone() == (True, False)
        admin.rollback()
    unknown = interlock("target", "prepare", "shp", cwd=tmp_path)
    assert (unknown.code, "[targets.shp]" in unknown.err) == (78, True)
    without = interlock("target", "prepare", "shop", "--apply", cwd=tmp_path)
    assert (without.code, "--as-admin-url" in without.err) == (2, True)


def test_init_writes_private_files_and_touches_nothing_that_is_there(tmp_path):
    arguments = ["init", "--url", "postgresql://gw:pw@db.internal/Shop%20One", "--person", "ana"]
    done = interlock(*arguments, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "interlock target prepare shop-one" in done.err
    config = load_config(tmp_path / "interlock.toml")
    assert (config.targets["shop-one"].database, config.targets["shop-one"].tls) == ("Shop One", "verify-full")
    assert config.principals["agent"].on_behalf_of == "ana"
    private = [file for file in (tmp_path / ".interlock").rglob("*") if file.suffix in {".key", ".password"}]
    assert len(private) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in private} == {0o600}
    before = (tmp_path / "interlock.toml").read_bytes()
    again = interlock(*arguments, cwd=tmp_path)
    assert (again.code, "is there already" in again.err) == (78, True)
    assert (tmp_path / "interlock.toml").read_bytes() == before


def test_init_without_a_password_asks_for_a_variable_and_doctor_misses_it(tmp_path):
    done = interlock("init", "--url", "postgresql://gw@127.0.0.1:1/shop", cwd=tmp_path)
    assert "export SHOP_PASSWORD=" in done.err
    checks = interlock("doctor", "--json", cwd=tmp_path).json["checks"]
    assert ("target shop", "the environment variable `SHOP_PASSWORD` is not set") in graded(checks, "fail")
    checks = interlock("doctor", "--json", cwd=tmp_path, environ={"SHOP_PASSWORD": "x"}).json["checks"]
    (found,) = {found for about, found in graded(checks, "fail") if about == "target shop"}
    assert "did not let us in" in found


def test_the_doctor_finds_a_key_that_is_not_the_certificates(tmp_path):
    interlock("init", "--url", "postgresql://gw:pw@127.0.0.1:1/shop", cwd=tmp_path)
    made = development_certificate(tmp_path / ".interlock" / "tls", now=now())
    made.key.write_bytes(development_certificate(tmp_path / "other", now=now()).key.read_bytes())
    checks = interlock("doctor", "--json", cwd=tmp_path).json["checks"]
    (found,) = {found for about, found in graded(checks, "fail") if about == "tls"}
    assert "cannot be used" in found


@pytest.mark.parametrize(
    "database", ["my.db", "9lives", "%E6%97%A5%E6%9C%AC", "x" * 63, "a-" * 31, 'quo"te', "back%5Cslash", "d'or"]
)
def test_what_init_writes_its_own_doctor_reads(tmp_path, database):
    done = interlock("init", "--url", f"postgresql://gw:pw@[::1]/{database}", cwd=tmp_path)
    assert done.code == 0, done.err
    (target,) = load_config(tmp_path / "interlock.toml").targets.values()
    assert (target.host, target.database) == ("::1", unquote(database))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name the database"),
        (["--url", "mysql://u@h/d"], "no scheme of PostgreSQL"),
        (["--url", "postgresql://u@h"], "must name a user and a database"),
        (["--url", "postgresql://h/d"], "must name a user and a database"),
        (["--url", "postgresql://u@h:x/d"], "no port"),
        (["--url", "postgresql://u@[::1/d"], "this is no URL"),
        (["--url", "postgresql://u@h/a%0Ab"], "control character"),
        (["--url", "postgresql://u@h1,h2/d"], "`h1,h2` is a list of servers"),
        (["--url", "postgresql://u@h1:1,h2:2/d"], "`h1:1,h2:2` is a list of servers"),
        (["--url", "postgresql://u@/d?host=h1,h2"], "a list of servers"),
        (["--url", "postgresql://u@h/d?sslmode=prefer"], "sslmode=prefer is `disable`"),
        (["--url", "postgresql://u@h/d?sslmode=disable"], "in the clear"),
        (["--url", "postgresql://u@h/d?sslmode=bogus"], "`bogus` is no sslmode"),
        (["--url", "postgresql://u@h/d", "--target", "my.db"], "cannot name a target"),
        (["--url", "postgresql://u@h/d", "--target", "Shop"], "cannot name a target"),
        (["--url", "postgresql://u@h/d", "--agent", 'a"b'], "is no name here"),
    ],
)
def test_init_refuses_what_it_cannot_use_and_writes_nothing(tmp_path, arguments, says):
    done = interlock("init", *arguments, cwd=tmp_path)
    assert (done.code, says in " ".join(done.err.split())) == (2, True)
    assert os.listdir(tmp_path) == []


def test_the_doctor_names_every_line_of_a_bad_configuration(tmp_path):
    (tmp_path / "interlock.toml").write_text("[gatway]\n[targets]\n[polcy]\n")
    done = interlock("doctor", "--json", cwd=tmp_path)
    assert done.code == 78
    assert [check["found"] for check in done.json["checks"]] == [
        "interlock.toml:1: `gatway` is not known here",
        "interlock.toml:3: `polcy` is not known here",
    ]
    assert [check["todo"] for check in done.json["checks"]] == ["did you mean `gateway`?", "did you mean `policy`?"]
