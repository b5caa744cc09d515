import pytest

from interlock.access.revocation import read_revocations
from tests.cli.running import interlock

CONFIG = """
[targets.shop]
host = "db"
database = "shop"
user = "gateway"
password_env = "PW"
environment = "test"
[tokens]
issuer = "acme"
audience = "gw"
max_lifetime = "30m"
signing_key = "keys/acme.key"
revocations = "revoked.jsonl"
keys = { acme = "keys/acme.pub" }
"""


@pytest.fixture
def place(tmp_path):
    """A directory with a configuration and a key pair."""
    assert interlock("token", "keygen", "acme", "--dir", "keys", cwd=tmp_path).code == 0
    (tmp_path / "interlock.toml").write_text(CONFIG)
    return tmp_path


def mint(place, *arguments):
    done = interlock("token", "mint", *arguments, cwd=place)
    assert done.code == 0, done.err
    return done.out.strip()


def test_what_is_minted_can_be_inspected(place):
    who = ["--sub", "ana", "--group", "analysts", "--act", "planner", "--act", "shop-agent", "--act-group", "bots"]
    token = mint(place, *who, "--purpose", "analysis", "--ttl", "15m", "--target", "shop")
    seen = interlock("token", "inspect", token, "--json", cwd=place).json
    assert seen["chain"] == [
        {"id": "shop-agent", "kind": "agent", "groups": ["bots"]},
        {"id": "planner", "kind": "agent", "groups": []},
        {"id": "ana", "kind": "person", "groups": ["analysts"]},
    ]
    assert (seen["purpose"], seen["targets"]) == ("analysis", ["shop"])
    told = interlock("token", "inspect", "-", cwd=place, stdin=token + "\n").err
    assert "acts     shop-agent, agent (bots)\nfor      planner, agent\nfor      ana, person (analysts)" in told


def test_a_token_for_nobody_else_is_of_the_kind_it_is_given(place):
    token = mint(place, "--sub", "deploy", "--kind", "pipeline")
    (actor,) = interlock("token", "inspect", token, "--json", cwd=place).json["chain"]
    assert actor == {"id": "deploy", "kind": "pipeline", "groups": []}


def test_the_words_go_to_stderr_and_the_token_alone_to_stdout(place):
    done = interlock("token", "mint", "--sub", "ana", "--ttl", "1m", cwd=place)
    assert done.out.count("\n") == 1
    assert done.out.count(".") == 2
    assert "interlock token revoke" in done.err
    as_json = interlock("token", "mint", "--sub", "ana", "--ttl", "1m", "--json", cwd=place)
    assert as_json.json.keys() == {"token", "id", "expires_at"}
    assert as_json.err == ""


def test_a_revoked_token_is_no_longer_believed(place):
    minted = interlock("token", "mint", "--sub", "ana", "--ttl", "1m", "--json", cwd=place).json
    assert interlock("token", "revoke", minted["id"], cwd=place).code == 0
    done = interlock("token", "inspect", minted["token"], cwd=place)
    assert (done.code, "was revoked" in done.err) == (2, True)
    assert interlock("token", "revoke", "--subject", "bob", cwd=place).code == 0
    revoked = read_revocations((place / "revoked.jsonl").read_bytes())
    assert (revoked.tokens, revoked.subjects.keys()) == ({minted["id"]}, {"bob"})


def test_revoking_and_making_keys_answer_scripts(place):
    told = interlock("token", "revoke", "--subject", "bob", "--json", cwd=place).json
    assert (told["token"], told["subject"], told["list"]) == (None, "bob", str(place / "revoked.jsonl"))
    assert read_revocations((place / "revoked.jsonl").read_bytes()).subjects == {"bob": told["at"]}
    made = interlock("token", "keygen", "more", "--json", cwd=place).json
    assert made == {"name": "more", "private_key": "more.key", "public_key": "more.pub"}
    assert (place / "more.pub").read_bytes().startswith(b"-----BEGIN PUBLIC KEY")


def test_nothing_is_appended_to_a_damaged_list(place):
    (place / "revoked.jsonl").write_text("{")
    done = interlock("token", "revoke", "x", cwd=place)
    assert (done.code, "line 1" in done.err) == (78, True)
    assert (place / "revoked.jsonl").read_text() == "{"


def test_a_lifetime_that_the_gateway_refuses_is_told_when_minting(place):
    done = interlock("token", "mint", "--sub", "ana", "--ttl", "1h", cwd=place)
    assert "max_lifetime in interlock.toml is 1800 s" in done.err
    assert interlock("token", "inspect", done.out.strip(), cwd=place).code == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mint", "--sub", "a", "--ttl", "soon"], "write it like 45s"),
        (["mint", "--sub", "a", "--ttl", "13h"], "ask for less"),
        (["revoke"], "name either"),
        (["revoke", "x", "--subject", "y"], "name either"),
        (["inspect", "not-a-token"], "not a signed token"),
        (["keygen", "acme", "--dir", "keys"], "never overwritten"),
    ],
)
def test_what_cannot_be_done_says_why(place, arguments, says):
    done = interlock("token", *arguments, cwd=place)
    assert (done.code, done.out) == (2, "")
    assert says in " ".join(done.err.split())


def test_a_key_that_no_gateway_believes_is_refused(place):
    interlock("token", "keygen", "other", cwd=place)
    done = interlock("token", "mint", "--sub", "a", "--key", "other.key", cwd=place)
    assert (done.code, "no gateway would believe it" in " ".join(done.err.split())) == (2, True)


def test_a_key_that_others_can_read_is_refused(place):
    (place / "keys" / "acme.key").chmod(0o644)
    done = interlock("token", "mint", "--sub", "a", cwd=place)
    assert (done.code, "chmod 600" in done.err) == (78, True)
