"""Signing a card on the command line: `ssh-keygen` does it, so keys in files, agents and security keys all work."""

import subprocess
from pathlib import Path

from msgspec import Struct

from interlock.access.leases import group_of
from interlock.access.statement import NAMESPACE
from interlock.app.approvals.client import Desk, Seen
from interlock.app.approvals.messages import Welcome
from interlock.app.clock import now
from interlock.cli.approval_card import show_card
from interlock.model import CallerFault, Principal, PrincipalKind


class Pen(Struct, frozen=True, kw_only=True):
    """A signature from an SSH key, or one that was made elsewhere and stands in a file."""

    key: Path | None
    file: Path | None

    def sign(self, desk: Desk, request: str, group: str | None, who: Welcome) -> tuple[str, str]:
        """(group, signature) of whoever `who` is, over the card that is shown first. Raises CallerFault."""
        seen = desk.show(request)
        group = group or _helping(seen, who)
        if self.file is not None:
            return group, _read(self.file)
        assert self.key is not None
        show_card(seen.lease, seen.card, now())
        return group, _signed(self.key, seen.statement(group=group, by=who.id))


def pen(key: Path | None, file: Path | None) -> Pen | None:
    """What to sign with; None where nothing is signed. Raises CallerFault where both are given."""
    if key is not None and file is not None:
        raise CallerFault("--sign makes a signature and --signature brings one: give one of them")
    return None if key is None and file is None else Pen(key=key, file=file)


def _helping(seen: Seen, who: Welcome) -> str:
    return group_of(
        seen.lease, Principal(id=who.id, kind=PrincipalKind.PERSON, issuer="", groups=frozenset(who.groups))
    )


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CallerFault(f"`{file}` cannot be read ({error}): name what `ssh-keygen -Y sign` wrote") from error


def _signed(key: Path, statement: bytes) -> str:
    """What ssh-keygen makes of it; it asks for a passphrase, a PIN or a touch on the terminal by itself."""
    command = ["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", str(key.expanduser())]
    try:
        done = subprocess.run(command, input=statement, stdout=subprocess.PIPE, check=False)
    except FileNotFoundError:
        raise CallerFault("ssh-keygen is not installed: install OpenSSH's client, or sign elsewhere") from None
    if done.returncode != 0:
        raise CallerFault(f"nothing was signed: ssh-keygen ended with {done.returncode}; its reason stands above")
    return done.stdout.decode()
