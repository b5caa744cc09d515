"""Approvals by a signature over the card: whose need one, and whether one holds (threats.md 7)."""

from msgspec.structs import replace

from interlock.access.faults import ApprovalRefused
from interlock.access.leases import person
from interlock.access.sshsig import Presence, SshSignature, public_key, verified
from interlock.access.statement import NAMESPACE, approval_statement
from interlock.app.config import ApprovalsConfig
from interlock.model import Approver, Lease

_MAKE_ONE = {
    Presence.ANY: "ssh-keygen -t ed25519",
    Presence.TOUCHED: "ssh-keygen -t ed25519-sk",
    Presence.VERIFIED: "ssh-keygen -t ed25519-sk -O verify-required",
}


def proven(
    rules: ApprovalsConfig, lease: Lease, approver: Approver, signature: str | None, card: bytes | None
) -> Approver:
    """The approver with what was proven. `card` is what is sealed beside the request.

    Raises ApprovalRefused where a signature is needed, or does not hold; a second factor likewise.
    """
    signed = None if signature is None else _signed(rules, lease, approver, signature, card)
    if approver.group in rules.signed:
        _require(rules, lease, approver, signed)
    touched = signed is not None and signed.presence.covers(Presence.TOUCHED)
    if approver.group in rules.second_factor and not (approver.mfa or touched):
        raise ApprovalRefused(
            f"approvals of `{approver.group}` need a second factor: present a token whose `amr` says mfa, "
            "or sign with a security key: --sign"
        )
    if signed is None:
        return approver
    shown = "" if signed.presence is Presence.ANY else signed.presence.value
    return replace(approver, signature=signed.base64, key=signed.fingerprint, presence=shown)


def _signed(
    rules: ApprovalsConfig, lease: Lease, approver: Approver, signature: str, card: bytes | None
) -> SshSignature:
    if card is None:
        raise ApprovalRefused(f"the card of request {lease.id} was erased: nobody can sign it any more")
    statement = approval_statement(lease, card=card, group=approver.group, by=approver.id)
    found = verified(signature, statement, namespace=NAMESPACE)
    own = [key for name, keys in rules.signers.items() if person(name) == person(approver.id) for key in keys]
    if found.key not in map(public_key, own):
        raise ApprovalRefused(
            f"`{found.fingerprint}` is no key of `{approver.id}` here: an administrator adds it to [approvals.signers]"
        )
    return found


def _require(rules: ApprovalsConfig, lease: Lease, approver: Approver, signed: SshSignature | None) -> None:
    if signed is None:
        raise ApprovalRefused(
            f"approvals of `{approver.group}` need a signature over the card: "
            f"interlock approvals approve {lease.id} --as {approver.id} --sign ~/.ssh/YOUR_KEY"
        )
    if not signed.presence.covers(rules.signature):
        raise ApprovalRefused(
            f"`{signed.fingerprint}` does not say that somebody was {_WAS[rules.signature]}: approvals of "
            f"`{approver.group}` need a key made by {_MAKE_ONE[rules.signature]}"
        )


_WAS = {
    Presence.ANY: "there",
    Presence.TOUCHED: "there (it was not touched)",
    Presence.VERIFIED: "there and known (PIN or finger)",
}
