"""`interlock explain`: what a statement would do, whether it may, and why; alone, from stdin, or in batches."""

import json
from pathlib import Path

import psycopg
import pytest

from tests.cli.running import interlock
from tests.conftest import Database
from tests.intent.sql.shop import SCHEMA, SNAPSHOT

CONFIG = """\
[targets.shop]
environment = "prod"
host = "127.0.0.1"
database = "shop"
user = "app"
password_env = "NOT_NEEDED_OFFLINE"
tls = "disable"

[principals.ana]
kind = "person"
groups = ["engineers"]

[principals.robot]
kind = "agent"
on_behalf_of = "ana"

[labels]
pii = ["shop.public.customers.email"]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "interlock.toml").write_text(CONFIG)
    return tmp_path


def explain(place: Path, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    done = interlock("explain", "--catalog", str(SNAPSHOT), *arguments, cwd=place, stdin=stdin)
    return done.code, done.out, done.err


def test_an_allowed_statement_ends_with_0_and_names_its_effects(place: Path) -> None:
    code, out, said = explain(place, "SELECT id FROM orders", "--as", "ana")
    assert (code, out) == (0, "")
    assert "allow" in said
    assert "public.orders" in said


def test_a_denied_statement_ends_with_77_and_says_why_and_what_instead(place: Path) -> None:
    code, _, said = explain(place, "DELETE FROM orders", "--as", "ana")
    assert code == 77
    words = " ".join(said.split())
    assert "no-write-without-predicate" in words
    assert "there is no WHERE" in words
    assert "add a WHERE" in words


def test_what_an_approval_could_lift_ends_with_75(place: Path) -> None:
    code, _, said = explain(place, "DROP TABLE sessions", "--as", "ana")
    assert code in (75, 77)
    assert (code == 75) == ("lifted by" in said)


def test_json_holds_all_of_it(place: Path) -> None:
    code, out, _ = explain(place, "DELETE FROM orders WHERE 1 = 1", "--as", "robot", "--json")
    found = json.loads(out)
    assert code == 77
    assert found["verdict"] == "deny"
    assert found["understood"] is True
    assert {"verb": "delete", "object": "public.orders", "reach": "all"}.items() <= found["effects"][0].items()
    assert "always-true" in {finding["code"] for finding in found["findings"]}
    assert {"policy", "title", "severity", "message", "lift", "instead"} == found["reasons"][0].keys()


def test_a_text_of_several_statements_is_as_strict_as_its_strictest(place: Path) -> None:
    code, out, _ = explain(place, "-", "--as", "ana", "--json", stdin="SELECT 1; DROP SCHEMA public CASCADE; SELECT 2")
    assert code in (75, 77)
    assert json.loads(out)["verdict"] in ("hold", "deny")


def test_what_was_prepared_is_known_behind_it(place: Path) -> None:
    text = "PREPARE p AS SELECT id FROM orders WHERE id = $1; EXECUTE p(1)"
    code, out, _ = explain(place, text, "--as", "ana", "--json")
    assert code == 0
    assert json.loads(out)["understood"] is True


def test_malformed_text_is_denied_with_its_place(place: Path) -> None:
    code, out, _ = explain(place, "SELEC 1", "--as", "ana", "--json")
    (finding,) = json.loads(out)["findings"]
    assert code == 77
    assert finding["code"] == "malformed"
    assert finding["span"][0] == 0


def test_a_place_is_marked_under_its_line(place: Path) -> None:
    text = f"SELECT id,\n  {'1 + ' * 30}1 FORM orders"
    _, _, said = explain(place, text, "--as", "ana")
    at = said.splitlines().index(next(line for line in said.splitlines() if line.startswith("at ")))
    line, mark = said.splitlines()[at : at + 2]
    assert line[mark.index("^") :].startswith("orders")
    assert len(line.rstrip()) <= 80


def test_a_batch_judges_line_by_line_in_order(place: Path) -> None:
    lines = [
        {"id": 1, "sql": "SELECT id FROM orders"},
        {"id": "two", "sql": "TRUNCATE orders"},
        {"id": 3, "sql": ""},
        {"id": 4, "sql": "\x00"},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    (place / "batch.jsonl").write_text(text + "\n\n")
    for arguments in (("--batch", "batch.jsonl"), ("--batch", "-")):
        code, out, said = explain(place, *arguments, "--as", "ana", stdin=text)
        judged = [json.loads(line) for line in out.splitlines()]
        assert (code, said) == (0, "")
        assert [(each["id"], each["verdict"]) for each in judged] == [
            (1, "allow"),
            ("two", "deny"),
            (3, "allow"),
            (4, "deny"),
        ]
        assert judged[0].keys() == {"id", "verdict", "effects", "findings", "reasons", "obligations", "understood"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("SELECT 1",), "--as"),
        (("SELECT 1", "--as", "nobody"), "there is no principal `nobody`"),
        (("SELECT 1", "--as", "ana", "--target", "moon"), "there is no target `moon`"),
        (("--as", "ana"), "--batch"),
        (("--as", "ana", "--batch", "missing.jsonl"), "cannot be read"),
        (("--as", "ana", "--batch", "-", "--resolve", "postgresql://x"), "leave out --batch"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(place: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = explain(place, *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_broken_line_of_a_batch_is_named(place: Path) -> None:
    code, out, err = explain(place, "--as", "ana", "--batch", "-", stdin='{"id": 1, "sql": "SELECT 1"}\n{"id": 2}\n')
    assert code == 2
    assert len(out.splitlines()) == 1
    assert "line 2" in err


def test_a_catalogue_that_is_none_is_refused(place: Path) -> None:
    (place / "no.json").write_text("{}")
    done = interlock("explain", "SELECT 1", "--as", "ana", "--catalog", "no.json", cwd=place)
    assert done.code == 78
    assert "interlock catalog dump" in " ".join(done.err.split())


def test_a_server_says_what_the_effects_leave_out(place: Path, database: Database) -> None:
    """An older catalogue does not know what a view reads by now; the server does, and nothing of its answer stays."""
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute(SCHEMA.read_bytes())
        first = explain(place, "SELECT id FROM orders", "--as", "ana", "--resolve", database.tcp_dsn)
        admin.execute("CREATE TABLE secrets (id int, note text)")
        admin.execute("ALTER TABLE orders RENAME TO orders_of_old")
        admin.execute("CREATE VIEW orders AS SELECT id, note AS status FROM secrets")
        second = explain(place, "SELECT id FROM orders", "--as", "ana", "--resolve", database.tcp_dsn, "--json")
        left = admin.execute("SELECT count(*) FROM pg_proc WHERE proname = 'il_resolver'").fetchone()
    assert "nothing that the effects leave out" in " ".join(first[2].split())
    assert "names public.secrets, which no effect says" in json.loads(second[1])["resolved"][0]
    assert left == (0,)


def test_a_server_is_asked_one_statement_at_a_time(place: Path, database: Database) -> None:
    """Text that ends the function's body early is no second command."""
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute(SCHEMA.read_bytes())
        text = "SELECT 1; CREATE TABLE left_behind (); SELECT id FROM missing"
        said = explain(place, text, "--as", "ana", "--resolve", database.tcp_dsn)[2]
        found = admin.execute("SELECT to_regclass('left_behind')").fetchone()
    words = " ".join(said.split())
    assert "not asked: only what reads or writes rows can be" in words
    assert 'relation "missing" does not exist' in words
    assert found == (None,)


def test_a_server_that_does_not_answer_is_named(place: Path) -> None:
    code, _, said = explain(place, "SELECT 1", "--as", "ana", "--resolve", "postgresql://x@127.0.0.1:1/x")
    assert code == 69
    assert "the target did not let us in" in " ".join(said.split())
