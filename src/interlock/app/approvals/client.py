"""The command line's end of the approvals socket."""

import os
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

from msgspec import Struct

from interlock.access.faults import ApprovalRefused, ServerUnproven
from interlock.access.scram import SCRAM, ClientExchange
from interlock.access.statement import approval_statement
from interlock.app.approvals.messages import (
    Answer,
    Ask,
    AskLease,
    ByScram,
    ByToken,
    Challenge,
    Decide,
    Decided,
    Happened,
    Open,
    Proof,
    Question,
    Refused,
    Show,
    Shown,
    Verdict,
    Watch,
    Welcome,
    decode_answer,
    encode,
)
from interlock.ledger.leases import read_card
from interlock.ledger.seal import SALT_SIZE
from interlock.model import Card, Lease, TargetFault

PATIENCE: Final = 20.0  # seconds
A = TypeVar("A")


class GatewaySilent(TargetFault):
    """No gateway answers on the socket."""


class Seen(Struct, frozen=True, kw_only=True):
    """One request as it was shown. Its card and what is signed are the same bytes, `sealed`: None once erased."""

    lease: Lease
    sealed: bytes | None

    @property
    def card(self) -> Card | None:
        """What it would do."""
        return None if self.sealed is None else read_card(self.sealed[SALT_SIZE:])

    def statement(self, *, group: str, by: str) -> bytes:
        """What `by` signs to approve it in the name of `group`. Raises ApprovalRefused where the card was erased."""
        if self.sealed is None:
            raise ApprovalRefused(f"the card of request {self.lease.id} was erased: nobody can sign it any more")
        return approval_statement(self.lease, card=self.sealed, group=group, by=by)


class Desk:
    """A conversation with the gateway. What it refuses raises ApprovalRefused, a gateway that is not there
    GatewaySilent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        try:
            self._socket.connect(os.fspath(path))
        except OSError as error:
            self._socket.close()
            raise GatewaySilent(
                f"no gateway answers on `{path}` ({error.strerror}): start `interlock serve`, and run this as its user"
            ) from error
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> "Desk":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._socket.close()

    def be(self, name: str, secret: str) -> Welcome:
        """Prove to be a principal of the configuration; the secret stays here. Raises ServerUnproven, too."""
        nonce = b64encode(os.urandom(18)).decode()
        exchange = ClientExchange(offered=[SCRAM], password=secret, nonce=nonce)
        challenge = self._ask(ByScram(name=name, first=exchange.first().decode()), Challenge)
        final = exchange.respond(challenge.text.encode()).decode()
        welcome = self._ask(Proof(final=final), Welcome)
        exchange.verify(welcome.final.encode())
        return welcome

    def present(self, token: str) -> Welcome:
        """Prove to be whom a token says."""
        return self._ask(ByToken(token=token), Welcome)

    def open(self) -> list[Lease]:
        """All that is asked for or granted."""
        return self._ask(Ask(), Open).leases

    def unreviewed(self) -> list[Lease]:
        """All that the glass was broken for, and nobody has reviewed."""
        return self._ask(Ask(), Open).unreviewed

    def show(self, request: str) -> "Seen":
        """One with its card."""
        shown = self._ask(Show(request=request), Shown)
        return Seen(lease=shown.lease, sealed=shown.sealed)

    def decide(
        self,
        request: str,
        verdict: Verdict,
        *,
        group: str | None = None,
        reason: str | None = None,
        signature: str | None = None,
    ) -> Lease:
        """Approve, deny, withdraw, revoke, break the glass, or review that; `signature` is one over the card."""
        said = Decide(request=request, verdict=verdict, group=group, reason=reason, signature=signature)
        return self._ask(said, Decided).lease

    def request(self, asked: AskLease) -> Lease:
        """Ask for a lease for a while."""
        return self._ask(asked, Decided).lease

    def watch(self) -> Iterator[Happened]:
        """Every step from this call on, until the gateway ends."""
        self._ask(Watch(), Open)
        self._socket.settimeout(None)
        return self._steps()

    def _steps(self) -> Iterator[Happened]:
        while line := self._lines.readline():
            answer = decode_answer(line)
            if isinstance(answer, Happened):
                yield answer

    def _ask(self, question: Question, wanted: type[A]) -> A:
        self._send(question)
        answer = self._hear()
        if isinstance(answer, Refused):
            raise ApprovalRefused(answer.text)
        if not isinstance(answer, wanted):
            raise ServerUnproven("the gateway answered something else; are both of one version?")
        return answer

    def _send(self, question: Question) -> None:
        try:
            self._socket.sendall(encode(question) + b"\n")
        except OSError as error:
            raise GatewaySilent(f"the gateway on `{self._path}` hung up: {error.strerror}") from error

    def _hear(self) -> Answer:
        try:
            line: bytes = self._lines.readline()
        except OSError as error:
            raise GatewaySilent(f"the gateway on `{self._path}` does not answer; see its log") from error
        if not line:
            raise GatewaySilent(f"the gateway on `{self._path}` hung up; see its log")
        answer: Answer = decode_answer(line)
        return answer
