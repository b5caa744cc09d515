"""What `interlock approvals` and the supervisor say to each other: JSON lines over a Unix socket."""

from typing import Final, Literal

import msgspec

from interlock.model import Lease, Verb

Verdict = Literal["approve", "deny", "withdraw", "revoke", "break-glass", "review"]


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""


class ByToken(_Said, frozen=True, kw_only=True, tag="by-token"):
    """Who speaks, by a signed token. Answered by `Welcome`."""

    token: str


class ByScram(_Said, frozen=True, kw_only=True, tag="by-scram"):
    """Who speaks, by the secret of a principal: the client-first-message. Answered by `Challenge`."""

    name: str
    first: str


class Proof(_Said, frozen=True, kw_only=True, tag="proof"):
    """The client-final-message. Answered by `Welcome`."""

    final: str


class Ask(_Said, frozen=True, kw_only=True, tag="ask"):
    """All that is open. Answered by `Open`."""


class Show(_Said, frozen=True, kw_only=True, tag="show"):
    """One request with its card; that it is shown is recorded. Answered by `Shown`."""

    request: str


class Decide(_Said, frozen=True, kw_only=True, tag="decide"):
    """What the speaker decides, in the name of `group` or of the one it helps most; `signature` is one over the card
    (access/statement.py). Answered by `Decided`."""

    request: str
    verdict: Verdict
    group: str | None = None
    reason: str | None = None
    signature: str | None = None


class AskLease(_Said, frozen=True, kw_only=True, tag="ask-lease"):
    """The speaker asks for a lease for a while, in its own name. Answered by `Decided`, granted or not yet."""

    target: str
    name: str
    verbs: list[Verb]
    objects: list[str]
    seconds: int
    purpose: str
    ticket: str | None = None


class Watch(_Said, frozen=True, kw_only=True, tag="watch"):
    """Everything that happens from now on, until the speaker hangs up: `Open` first, then `Happened` for each step."""


class Challenge(_Said, frozen=True, kw_only=True, tag="challenge"):
    """The server-first-message."""

    text: str


class Welcome(_Said, frozen=True, kw_only=True, tag="welcome"):
    """The speaker is known; `final` is the server-final-message of SCRAM."""

    id: str
    groups: list[str]
    final: str = ""


class Open(_Said, frozen=True, kw_only=True, tag="open"):
    """Requests and grants that are not over, oldest first; `unreviewed` are those that the glass was broken for."""

    leases: list[Lease]
    unreviewed: list[Lease] = []


class Shown(_Said, frozen=True, kw_only=True, tag="shown"):
    """One request; `sealed` is its salt and its card as they are kept, None where they were erased."""

    lease: Lease
    sealed: bytes | None


class Decided(_Said, frozen=True, kw_only=True, tag="decided"):
    """The lease as it is from here on."""

    lease: Lease


class Happened(_Said, frozen=True, kw_only=True, tag="happened"):
    """A step: `requested`, `approved`, `granted`, or how it ended. `at` in microseconds since the epoch, UTC."""

    what: str
    lease: Lease
    at: int


class Refused(_Said, frozen=True, kw_only=True, tag="refused"):
    """Why not."""

    text: str


Question = ByToken | ByScram | Proof | Ask | Show | Decide | AskLease | Watch
Answer = Challenge | Welcome | Open | Shown | Decided | Happened | Refused

encode: Final = msgspec.json.Encoder().encode
decode_question: Final = msgspec.json.Decoder(Question).decode
decode_answer: Final = msgspec.json.Decoder(Answer).decode
LONGEST_LINE: Final = 1 << 20
