"""Who speaks on the approvals socket: proven by a token or a secret, and told apart from whoever owns the gateway."""

import os
import socket
import struct
from base64 import b64encode
from collections.abc import Callable
from typing import Final

from interlock.access.faults import ApprovalRefused, LoginRefused, TokenRefused
from interlock.access.scram import SCRAM, ServerExchange
from interlock.access.tokens import verify
from interlock.access.verifier import mock_verifier
from interlock.app.approvals.messages import ByScram, ByToken, Challenge, Proof, Welcome
from interlock.app.config import Config
from interlock.app.credentials import build_directory, revocation_list, token_terms
from interlock.model import Approver, Principal

UNKNOWN_UID: Final = -1
_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid: ucred of unix(7)


class Speaker:
    """One connection's. `config` is what is in force, `now` gives microseconds since the epoch, UTC."""

    def __init__(self, peer: int, config: Callable[[], Config], now: Callable[[], int]) -> None:
        self.peer = peer
        self.principal: Principal | None = None
        self._config = config
        self._now = now
        self.mfa = False  # whether a second factor was shown to whoever issued the token
        self._proof = ""
        self._exchange: tuple[Principal | None, ServerExchange] | None = None
        self._tried = False

    @property
    def operator(self) -> bool:
        """Whether the gateway's own account speaks: who is that can also read its keys."""
        return self.peer == os.getuid()

    @property
    def name(self) -> str:
        """For records: the principal, or the account."""
        return self.principal.id if self.principal is not None else f"uid:{self.peer}"

    def by_token(self, said: ByToken) -> Welcome:
        """Raises TokenRefused."""
        self._once()
        tokens = self._config().tokens
        if tokens is None:
            raise TokenRefused("this gateway believes no tokens: there is no [tokens] section")
        passed = verify(said.token, terms=token_terms(tokens), now=self._now(), revoked=revocation_list(tokens))
        self.mfa = passed.mfa
        return self._known(passed.principal, "token")

    def by_scram(self, said: ByScram) -> Challenge:
        """Raises LoginRefused. A name that nobody bears fails like a wrong secret."""
        self._once()
        directory = build_directory(self._config(), environ=os.environ, entropy=os.urandom)
        account = directory.find(said.name)
        verifier = None if account is None else account.verifier
        known = None if account is None or verifier is None else account.principal
        exchange = ServerExchange(
            mechanism=SCRAM,
            verifier=verifier or mock_verifier(said.name, secret=os.urandom(32)),
            nonce=b64encode(os.urandom(18)).decode(),
        )
        self._exchange = (known, exchange)
        return Challenge(text=exchange.challenge(said.first.encode()).decode())

    def prove(self, said: Proof) -> Welcome:
        """Raises LoginRefused."""
        if self._exchange is None:
            raise LoginRefused("there is nothing to prove yet: say who you are")
        (principal, exchange), self._exchange = self._exchange, None
        final = exchange.finish(said.final.encode()).decode()
        if principal is None:
            raise LoginRefused("the name or the secret is wrong")
        return self._known(principal, "scram", final)

    def required(self) -> Principal:
        """The person who decides. Raises ApprovalRefused."""
        if self.principal is None:
            raise ApprovalRefused("say who you are: --as NAME with your secret, or --token")
        return self.principal

    def approver(self, group: str) -> Approver:
        """Who it is, for the record."""
        principal = self.principal
        return Approver(
            id=self.name,
            issuer="local" if principal is None else principal.issuer,
            group=group,
            proof=self._proof or "socket",
            uid=self.peer,
            operator=self.operator,
            at=self._now(),
            mfa=self.mfa,
        )

    def _once(self) -> None:
        if self._tried:
            raise LoginRefused("one attempt for each connection: connect again")
        self._tried = True

    def _known(self, principal: Principal, proof: str, final: str = "") -> Welcome:
        self.principal, self._proof = principal, proof
        return Welcome(id=principal.id, groups=sorted(principal.groups), final=final)


def peer_uid(connection: socket.socket) -> int:
    """The account at the other end; UNKNOWN_UID where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return UNKNOWN_UID
    _, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return int(uid)
