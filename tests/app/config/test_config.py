from pathlib import Path

import pytest

from interlock.access.verifier import derive_verifier
from interlock.app.config import Address, ConfigFault, Durability, Mode, ServingTls, load_config, parse_config
from interlock.model import PrincipalKind, Target

SHOP = """
[targets.shop]
host = "db.internal"
database = "shop"
user = "interlock"
password_env = "SHOP_PASSWORD"
environment = "production"
labels = ["regulated"]
"""
BASE = Path("/etc/interlock")


def problems(text, base=BASE):
    with pytest.raises(ConfigFault) as refused:
        parse_config(text, base=base)
    return refused.value.problems


def only(text, base=BASE):
    (problem,) = problems(text, base)
    return problem


def test_the_least_configuration_has_safe_defaults():
    config = parse_config(SHOP, base=BASE)
    assert config.gateway.listen == Address("127.0.0.1", 6432)
    assert config.gateway.tls is ServingTls.GENERATED
    assert config.gateway.require_tls
    assert config.targets["shop"].mode is Mode.ENFORCE
    assert config.targets["shop"].tls == "verify-full"
    assert config.ledger.durability is Durability.STRICT
    assert config.policy.pack.name == "production"
    assert config.target("shop") == Target(
        name="shop", kind="postgresql", environment="production", labels=frozenset({"regulated"})
    )
    assert config.target("Shop") is None


def test_paths_start_where_the_file_is(tmp_path):
    for name in ("ca.pem", "one.pem", "pack"):
        (tmp_path / name).mkdir() if name == "pack" else (tmp_path / name).touch()
    text = (
        SHOP
        + 'ca = "ca.pem"\n[policy]\npack = "pack"\n[ledger]\npath = "/var/ledger"\n'
        + '[tokens]\nissuer = "acme"\naudience = "gw"\nmax_lifetime = "30m"\nkeys = { one = "one.pem" }\n'
    )
    (tmp_path / "interlock.toml").write_text(text)
    config = load_config(tmp_path / "interlock.toml")
    assert config.targets["shop"].ca == tmp_path / "ca.pem"
    assert config.policy.pack.directory == tmp_path / "pack"
    assert config.ledger.path == Path("/var/ledger")
    assert config.ledger.data_key == tmp_path / ".interlock/keys/ledger-data.key"
    assert config.tokens.keys == {"one": tmp_path / "one.pem"}
    assert config.tokens.revocations == tmp_path / ".interlock/revocations.jsonl"
    assert config.tokens.max_lifetime == 1800


def test_a_principal_is_read_whole():
    verifier = derive_verifier("pencil", salt=b"s" * 16)
    text = f"""{SHOP}
[principals.ana]
kind = "person"
groups = ["analysts"]
[principals.bot]
kind = "agent"
on_behalf_of = "ana"
targets = ["shop"]
verifier = "{verifier}"
"""
    config = parse_config(text, base=BASE)
    assert config.principals["bot"].kind is PrincipalKind.AGENT
    assert config.principals["bot"].verifier == verifier
    assert config.principals["bot"].targets == {"shop"}
    assert config.principals["ana"].targets is None


def test_labels_are_given_per_target():
    text = (
        SHOP + '[labels]\npii = ["shop.public.customers.email", "shop.public.people"]\nmoney = ["shop.public.people"]\n'
    )
    assert parse_config(text, base=BASE).labels_of("shop") == {
        "public.customers.email": {"pii"},
        "public.people": {"pii", "money"},
    }
    assert parse_config(text, base=BASE).labels_of("other") == {}


def test_every_problem_is_named_with_its_line_and_what_to_do():
    text = """# a comment with [brackets] and = signs
[gateway]
listen = "127.0.0.1"
tls = "generatd"
wrkers = 2
workers = 0

[targets.shop]
environment = "production"
database = "shop"
password = "hunter2"
sslmode = "require"

[principals]
ana = { kind = "persn", groups = [] }
"""
    with pytest.raises(ConfigFault) as refused:
        parse_config(text, base=BASE)
    assert str(refused.value).splitlines() == [
        "interlock.toml:3: `listen`: `127.0.0.1` is not host:port: write it like 127.0.0.1:6432 or [::1]:6432",
        "interlock.toml:4: `tls` cannot be `generatd`: did you mean `generated`?",
        "interlock.toml:5: `wrkers` is not known here: did you mean `workers`?",
        "interlock.toml:6: `workers`: expected `int` >= 1",
        "interlock.toml:8: `user` is missing: [targets.shop] needs it",
        "interlock.toml:11: `password` is not accepted: a password in this file ends in backups and version control:"
        " use password_env or password_file",
        "interlock.toml:12: `sslmode` is not accepted: this key is called tls here",
        "interlock.toml:15: `kind` cannot be `persn`: did you mean `person`?",
    ]
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "`targets` is missing"),
        ("[targets]", 1, "there is no target"),
        ("[targets]\nshop = 3", 2, r"write \[targets.shop\]"),
        ("targets = 3", 1, r"write \[targets.NAME\]"),
        ("\n[gateway\n", 2, "this is not TOML"),
        ("a = 1\na = 2", 2, "this is not TOML"),
        ('a = """', 1, "this is not TOML"),
        (SHOP + "[gatway]", 9, "did you mean `gateway`"),
        (SHOP + "[gateway]\nlisten = 5", 10, "expected text in quotes"),
        (SHOP + '[gateway]\nlisten = "::1:6432"', 10, "not host:port"),
        (SHOP + '[gateway]\nlisten = "h:70000"', 10, "above 65535"),
        (SHOP + '[gateway]\ntls = "off"', 10, "require_tls = false"),
        (SHOP + '[gateway]\ntls = "off"\nrequire_tls = false\nlisten = "0.0.0.0:1"', 10, "for loopback alone"),
        (SHOP + '[gateway]\nadmin = "127.0.0.1:6432"', 10, "a port of its own"),
        (SHOP + '[gateway]\ncertificate = "c.pem"', 10, "is not used with"),
        (SHOP.replace("[targets.shop]", '[targets."My Shop"]'), 2, "cannot name a target"),
        (SHOP.replace("host =", "hosts ="), 3, "did you mean `host`"),
        (SHOP + 'socket = "/run"', 2, "set one of them"),
        (SHOP + 'password_file = "x"', 2, "from `password_file`: set one of them"),
        (SHOP.replace('password_env = "SHOP_PASSWORD"', 'password_file = "x"'), 6, "is not a file"),
        (SHOP + 'tls = "disable"', 9, "use verify-full"),
        (SHOP + 'ca = "missing.pem"', 9, "is not a file"),
        (SHOP + 'kind = "oracle"', 9, "this version protects postgresql"),
        (SHOP.replace("db.internal", "127.0.0.1") + "port = 6432", 2, "the gateway itself"),
        (SHOP + '[labels]\npii = ["shop.customers"]', 10, "write target.schema.table"),
        (SHOP + '[labels]\npii = [\n "a.b.c",\n]', 10, "names target `a`, which does not exist: there is `shop`"),
        (SHOP + '[principals.a]\nkind = "agent"\ntargets = ["x"]', 11, "`x` is not a target"),
        (SHOP + '[principals.a]\nkind = "agent"\non_behalf_of = "b"', 11, "`b`, which is not a principal"),
        (SHOP + '[principals.a]\nkind = "agent"\non_behalf_of = "a"', 11, "on behalf of itself"),
        (SHOP + '[principals.a]\nkind = "agent"\nverifier = "md5"', 11, "not a SCRAM-SHA-256 verifier"),
        (SHOP + '[principals.a]\nkind = "agent"\nsecret = "x"', 11, "use verifier, secret_env or secret_file"),
        (SHOP + '[principals.a]\nkind = "agent"\nsecret_env = "A"\nsecret_file = "x"', 9, "keep one"),
        (SHOP + '[tokens]\nissuer = "a"\naudience = "b"\nkeys = {}', 12, "there is no key"),
        (SHOP + '[tokens]\nissuer = "a"\naudience = "b"\nkeys = { k = "x" }', 12, "is not a file"),
        (SHOP + '[tokens]\nissuer = "a"\naudience = "b"\nkeys = {}\nmax_lifetime = "13h"', 13, "12h at most"),
        (SHOP + '[tokens]\nissuer = "a"\naudience = "b"\nkeys = {}\nmax_lifetime = "soon"', 13, "not a duration"),
        (SHOP + '[policy]\npack = "prodction"', 10, "production, development"),
        (SHOP + '[approvals]\nsigned = ["leads"]', 10, "nobody can sign"),
        (SHOP + '[approvals]\nsignature = "hardware"', 10, "choose one of any, touched, verified"),
        (SHOP + '[approvals.signers]\ndora = ["ssh-ed25519 AAAA"]', 10, "no public key"),
        (SHOP + '[ledger]\ndurability = "lax"', 10, "choose one of strict, relaxed-reads"),
    ],
)
def test_what_cannot_be_right_is_refused_at_its_line(text, line, says):
    with pytest.raises(ConfigFault, match=says) as refused:
        parse_config(text, base=BASE)
    assert line in {where for where, message in refused.value.problems}


def test_a_chain_of_principals_is_told_once_for_each_that_stands_in_it():
    text = SHOP + '[principals.a]\nkind="agent"\non_behalf_of="b"\n[principals.b]\nkind="agent"\non_behalf_of="a"\n'
    assert [line for line, _ in problems(text)] == [11, 14]


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigFault, match="make one with `interlock init`"):
        load_config(tmp_path / "interlock.toml")


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "interlock.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigFault, match="save it as UTF-8"):
        load_config(tmp_path / "interlock.toml")


def test_an_address_is_written_as_it_is_read():
    assert [str(Address.parse(text)) for text in ("[::1]:1", "localhost:0")] == ["[::1]:1", "localhost:0"]
