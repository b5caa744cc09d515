"""An approval is bound to everything that the meaning of a command rests on: one change, another digest."""

import pytest
from msgspec.structs import replace

from interlock.access.binding import digest_of
from interlock.model import Command, Ground, Principal, PrincipalKind, Session, Target

ANA = Principal(id="ana", kind=PrincipalKind.PERSON, issuer="config", groups=frozenset({"engineers"}))
ROBOT = Principal(id="robot", kind=PrincipalKind.AGENT, issuer="config", on_behalf_of=ANA)
SESSION = Session(
    id="s",
    principal=ROBOT,
    target=Target(name="shop", kind="postgresql", environment="prod"),
    gateway="gw",
    surface="postgresql",
    purpose="clean up",
    opened_at=0,
)
COMMAND = Command(
    id="c",
    session=SESSION,
    language="postgresql",
    text="DELETE FROM t WHERE id = $1 AND at < $2",
    unit="u",
    received_at=0,
    arguments=(b"7", None),
    types=(23, 0),
    formats=(0, 0),
)
GROUND = Ground(system="7/5", catalogue="epoch", settings="DateStyle=ISO")
POLICY = "sha256:v"
PLAIN = digest_of(COMMAND, GROUND, POLICY)


def in_session(**changes: object) -> Command:
    return replace(COMMAND, session=replace(SESSION, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        digest_of(replace(COMMAND, text="DELETE FROM t WHERE id = $1 OR at < $2"), GROUND, POLICY),
        digest_of(replace(COMMAND, text=COMMAND.text + " "), GROUND, POLICY),
        digest_of(replace(COMMAND, arguments=(b"8", None)), GROUND, POLICY),
        digest_of(replace(COMMAND, arguments=(b"7", b"")), GROUND, POLICY),
        digest_of(replace(COMMAND, types=(20, 0)), GROUND, POLICY),
        digest_of(replace(COMMAND, formats=(1, 0)), GROUND, POLICY),
        digest_of(COMMAND, replace(GROUND, system="8/5"), POLICY),
        digest_of(COMMAND, replace(GROUND, catalogue="other"), POLICY),
        digest_of(COMMAND, replace(GROUND, settings="DateStyle=German"), POLICY),
        digest_of(COMMAND, GROUND, "sha256:w"),
        digest_of(in_session(principal=ANA), GROUND, POLICY),
        digest_of(in_session(principal=replace(ROBOT, on_behalf_of=replace(ANA, id="eve"))), GROUND, POLICY),
        digest_of(in_session(principal=replace(ROBOT, groups=frozenset({"dba"}))), GROUND, POLICY),
        digest_of(in_session(target=replace(SESSION.target, name="shop2")), GROUND, POLICY),
        digest_of(in_session(purpose=None), GROUND, POLICY),
    ],
)
def test_each_of_them_counts(other: str) -> None:
    assert other != PLAIN


def test_what_only_tells_attempts_apart_does_not() -> None:
    again = replace(COMMAND, id="d", unit="v", received_at=9, session=replace(SESSION, id="t", opened_at=9))
    assert digest_of(again, GROUND, POLICY) == PLAIN


def test_a_text_that_was_no_utf_8_has_a_digest_too() -> None:
    assert digest_of(replace(COMMAND, text="SELECT '\udcff'"), GROUND, POLICY) != PLAIN
