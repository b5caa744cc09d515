"""Runbooks: statements with holes, approved in advance by signature, as long as what fills the holes fits."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from interlock.access.faults import RunbookRefused
from interlock.access.leases import person
from interlock.model import Approver, Basis, Impact, Lease, OneCommand, Principal, Target

SIGNED: Final = "runbook-signature"
_DOMAIN: Final = b"interlock runbook 1\n"  # a signature of something else never is one of a runbook
_SECOND: Final = 1_000_000


class _Closed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not in the vocabulary is refused."""


class Whole(_Closed, frozen=True, kw_only=True, tag_field="type", tag="integer"):
    """A whole number from `least` to `most`."""

    least: int
    most: int


class Text(_Closed, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """One of these texts."""

    one_of: tuple[str, ...]


Parameter = Whole | Text


class Runbook(_Closed, frozen=True, kw_only=True):
    """`text` has `$1` where parameter 1 goes, as a literal or bound. It stands for as many approvals
    as it has signatures.

    `groups` are whose members may use it; `rows` is how many rows a measured run may touch in all. `expires_at` is in
    seconds since the epoch. It holds for one target, as long as that stands in this environment.
    """

    id: str
    title: str
    target: str
    environment: str
    text: str
    groups: tuple[str, ...]
    expires_at: int
    parameters: tuple[Parameter, ...] = ()
    rows: int | None = None


class Signature(_Closed, frozen=True, kw_only=True):
    """`by` said yes in the name of `group`; Ed25519, in base64."""

    by: str
    group: str
    signature: str


class Signed(_Closed, frozen=True, kw_only=True):
    """A runbook with those who signed it, as it is kept in a file."""

    runbook: Runbook
    signatures: tuple[Signature, ...] = ()


class Signer(Struct, frozen=True, kw_only=True):
    """Whose signatures count, and in the name of which groups."""

    public: Ed25519PublicKey
    groups: frozenset[str]


def read_signed(text: str | bytes) -> Signed:
    """Raises RunbookRefused for what is no runbook."""
    try:
        return msgspec.json.decode(text, type=Signed)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunbookRefused(f"this is no runbook: {error}; sign it anew with `interlock runbook sign`") from error


def read_draft(text: str) -> Runbook:
    """A runbook as people write it, in TOML. Raises RunbookRefused."""
    try:
        return msgspec.toml.decode(text, type=Runbook)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunbookRefused(f"this is no draft of a runbook: {error}") from error


def write_signed(signed: Signed) -> bytes:
    """The inverse of `read_signed`, for people to read."""
    return msgspec.json.format(msgspec.json.encode(signed, order="sorted"), indent=2) + b"\n"


def digest_of(runbook: Runbook) -> str:
    """SHA-256 (hex) of the whole runbook."""
    return sha256(msgspec.json.encode(runbook, order="sorted")).hexdigest()


def sign(signed: Signed, *, by: str, group: str, key: Ed25519PrivateKey) -> Signed:
    """With one signature more, in the place of an earlier one of the same person."""
    raw = key.sign(_said(signed.runbook, by, group))
    kept = tuple(one for one in signed.signatures if person(one.by) != person(by))
    made = Signature(by=by, group=group, signature=b64encode(raw).decode())
    return msgspec.structs.replace(signed, signatures=(*kept, made))


def valid(signed: Signed, signers: Mapping[str, Signer]) -> tuple[Signature, ...]:
    """The signatures that count: each person once, of a signer that is known, for a group that is theirs."""
    found: dict[str, Signature] = {}
    for one in signed.signatures:
        signer = signers.get(one.by)
        if signer is not None and one.group in signer.groups and _holds(signed.runbook, one, signer):
            found.setdefault(person(one.by), one)
    return tuple(found.values())


def unfit(
    runbook: Runbook, principal: Principal, target: Target, values: Sequence[str | int | None], at: int
) -> str | None:
    """Why it does not let this pass; None where it does. `values` fill its holes, None what cannot be compared."""
    if (target.name, target.environment) != (runbook.target, runbook.environment):
        return f"it is for `{runbook.target}` in `{runbook.environment}`"
    if at // _SECOND >= runbook.expires_at:
        return "it has expired"
    if not principal.groups & set(runbook.groups):
        return f"it is for {' and '.join(runbook.groups)}"
    for number, (parameter, value) in enumerate(zip(runbook.parameters, values, strict=True), start=1):
        if (wrong := _outside(parameter, value)) is not None:
            return f"${number} {wrong}"
    return None


def lease_of(signed: Signed, signatures: Sequence[Signature], principal: Principal, at: int) -> Lease:
    """The lease that it is for one command. Signatures of people in the requester's own chain do not count."""
    runbook, chain = signed.runbook, {person(actor.id) for actor in principal.chain()}
    approvers = tuple(
        Approver(id=one.by, issuer="config", group=one.group, proof=SIGNED, uid=-1, operator=False, at=at)
        for one in signatures
        if person(one.by) not in chain
    )
    scope = OneCommand(salt="", binding="", fingerprint="", command="", ways=())
    ceiling = None if runbook.rows is None else Impact(basis=Basis.MEASURED, rows=runbook.rows)
    return Lease(
        id=f"runbook:{runbook.id}:{digest_of(runbook)[:16]}",
        principal=principal,
        target=runbook.target,
        scope=scope,
        purpose=None,
        asked_at=at,
        starts_at=at,
        ends_at=runbook.expires_at * _SECOND,
        policy_version="",
        approved_by=approvers,
        ceiling=ceiling,
        runbook=True,
    )


def too_many(lease: Lease, impact: Impact) -> str | None:
    """What of a measured run a runbook does not cover; None where it covers all of it, or nothing was measured."""
    if lease.ceiling is None or impact.basis is not Basis.MEASURED:
        return None
    most = lease.ceiling.rows or 0
    if impact.rows is not None and impact.rows <= most:
        return None
    counted = "an unknown number of" if impact.rows is None else f"{impact.rows:,}"
    return f"it touched {counted} rows, and at most {most:,} were signed"


def _outside(parameter: Parameter, value: str | int | None) -> str | None:
    match parameter, value:
        case Whole(least=least, most=most), int(number):
            return None if least <= number <= most else f"is {number:,}, and {least:,} to {most:,} were signed"
        case Text(one_of=texts), str(text):
            return None if text in texts else "is a text that was not signed"
        case Whole(), _:
            return "is no whole number"
    return "is no plain text"


def _holds(runbook: Runbook, one: Signature, signer: Signer) -> bool:
    try:
        signer.public.verify(b64decode(one.signature, validate=True), _said(runbook, one.by, one.group))
    except (InvalidSignature, NotBase64):
        return False
    return True


def _said(runbook: Runbook, by: str, group: str) -> bytes:
    return _DOMAIN + msgspec.json.encode({"by": by, "group": group, "runbook": runbook}, order="sorted")
