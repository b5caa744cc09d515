"""What one record looks like: canonical JSON around the group that only the writer can fill in."""

from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256

import msgspec

from interlock.ledger.faults import LedgerFault

VERSION = 1
MAX_LEAF = 16 * 1024  # the tile format ends at 65,535 bytes; a record is no place for prose
ROOM_FOR_PLACE = 512  # what the gw group may take of it
MAX_STRING = 512
NO_PREVIOUS = bytes(32)

JSON = str | int | bool | None | list["JSON"] | dict[str, "JSON"]


class Kind(StrEnum):
    """One name per event. `decision`: a command was judged; `settlement`: a unit was judged on what it touched;
    `outcome`: what became of it; `alert`: something was not as the gateway had seen it."""

    GENESIS = "genesis"
    SESSION_START = "session_start"
    SESSION_END = "session_end"
    DECISION = "decision"
    SETTLEMENT = "settlement"
    OUTCOME = "outcome"
    ALERT = "alert"
    POLICY_ACTIVATE = "policy_activate"
    CONFIG_CHANGE = "config_change"
    LEDGER_FAULT = "ledger_fault"
    LEDGER_ACCESS = "ledger_access"
    ERASURE = "erasure"
    EXPORT = "export"
    HEARTBEAT = "heartbeat"
    APPROVAL_REQUEST = "approval_request"
    APPROVAL = "approval"
    LEASE_GRANT = "lease_grant"
    LEASE_END = "lease_end"
    BREAK_GLASS = "break_glass"
    BREAK_GLASS_REVIEW = "break_glass_review"
    RUNBOOK = "runbook"


# What a full disk refuses: new work. Everything else is how work ends and how operators act (threats.md 18).
NEW_WORK = frozenset({Kind.DECISION, Kind.SESSION_START})


class Entry(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A record before the writer gives it its place.

    The leaf is `{` + head + the gw group + tail: keys in sorted order, so `head` holds the groups sorting before
    `gw`. A decision opens command `id` of `unit`; an outcome `closes` a command, or all of a unit. `secret` is
    salt32 || text and is encrypted, `rest` is the full list of effects where it did not fit: both go to side
    tables in the leaf's own transaction. `erases` names records whose secrets are deleted. `lease` is the state of
    lease `lease_id` from this record on, kept beside the log; the leaf holds its digest. `budget` are the steps of
    counters that come with this record.
    """

    kind: Kind
    id: str
    head: bytes
    tail: bytes
    unit: str = ""
    closes: str = ""
    secret: bytes = b""
    rest: bytes = b""
    erases: tuple[str, ...] = ()
    lease_id: str = ""
    lease: bytes = b""
    budget: bytes = b""


def canonical(value: object) -> bytes:
    """Sorted, compact JSON. With ASCII keys, 53-bit integers and no floats it equals RFC 8785 (ledger.md)."""
    return msgspec.json.encode(value, order="sorted")


def is_canonical(leaf: bytes) -> bool:
    """Whether these bytes are what `canonical` makes of their content: a leaf says one thing in one way."""
    try:
        return canonical(msgspec.json.decode(leaf)) == leaf
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def digest(data: bytes) -> str:
    """`sha256:<hex>`."""
    return "sha256:" + sha256(data).hexdigest()


def clip(text: str, limit: int = MAX_STRING) -> str:
    """At most `limit` bytes of encoded JSON; what was cut shows as `…`."""
    if len(text) <= limit and len(msgspec.json.encode(text)) - 2 <= limit:
        return text
    kept = text[: limit - 3]
    while len(msgspec.json.encode(kept)) - 2 > limit - 3:
        kept = kept[: len(kept) * 3 // 4]
    return kept + "…"


def make_entry(kind: Kind, groups: Mapping[str, object], *, id: str, at: int, erases: tuple[str, ...] = ()) -> Entry:
    """A record of any kind: `groups` are its named groups, `at` microseconds since the epoch, UTC."""
    fields: dict[str, object] = {"id": id, "kind": kind, "ts": at, "v": VERSION, **groups}
    before = canonical({key: value for key, value in fields.items() if key < "gw"})[1:-1]
    after = canonical({key: value for key, value in fields.items() if key > "gw"})[1:]
    return Entry(kind=kind, id=id, head=before and before + b",", tail=after, erases=erases)


class Numbering:
    """The gapless numbering of one gateway's records, each naming the leaf hash of the one before."""

    __slots__ = ("_fixed", "_place", "next")

    def __init__(self, gateway: str, epoch: int, next_: int = 0, previous: bytes = NO_PREVIOUS) -> None:
        name = canonical(gateway).replace(b"%", b"%%")
        self._fixed = b'"gw":{"epoch":%d,"id":%b,"prev":"%%b","seq":%%d},' % (epoch, name)
        self.next = next_
        self._place = self._fixed % (previous.hex().encode(), next_)

    def leaf(self, entry: Entry) -> bytes:
        """The record's final bytes at the next place. Raises LedgerFault when it is too large."""
        leaf = b"{" + entry.head + self._place + entry.tail
        if len(leaf) > MAX_LEAF:
            raise LedgerFault(f"a {entry.kind} record has {len(leaf)} bytes; the limit is {MAX_LEAF}: report this")
        return leaf

    def follow(self, hashed: bytes) -> None:
        """The leaf was written, and this is its hash: go on to the next place."""
        self.next += 1
        self._place = self._fixed % (hashed.hex().encode(), self.next)
