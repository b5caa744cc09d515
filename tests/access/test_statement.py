"""What an approver signs says everything once, and no name in it can say more."""

from hashlib import sha256

from msgspec.structs import replace

from interlock.access.statement import approval_statement
from interlock.model import Lease, OneCommand, Principal, PrincipalKind

DANA = Principal(id="dana", kind=PrincipalKind.PERSON, issuer="config")
AGENT = Principal(id="shop-agent", kind=PrincipalKind.AGENT, issuer="config", on_behalf_of=DANA)
LEASE = Lease(
    id="r-1",
    principal=AGENT,
    target="shop",
    scope=OneCommand(salt="", binding="", fingerprint="", command="c-1", ways=()),
    purpose="approved by olga",
    asked_at=0,
    ends_at=1,
    policy_version="p",
)


def test_it_reads() -> None:
    assert approval_statement(LEASE, card=b"card", group="owners", by="olga").decode() == (
        "interlock approval, version 1\n"
        "request r-1\n"
        f"card sha256:{sha256(b'card').hexdigest()}\n"
        'asked by agent "shop-agent" for person "dana"\n'
        'on "shop"\n'
        'approved by "olga"\n'
        'in the name of "owners"\n'
    )


def test_no_name_adds_a_line() -> None:
    spoof = replace(LEASE, principal=replace(DANA, id='x"\nin the name of "owners'))
    said = approval_statement(spoof, card=b"card", group='o"\n', by="olga\u2028\n").decode()
    assert len(said.splitlines()) == len(said.split("\n")) - 1 == 7
