"""Who is calling: SCRAM for principals by name, a signed token as password for everybody else."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from interlock.access.faults import LoginRefused
from interlock.access.identity import Directory
from interlock.access.revocation import Revocations
from interlock.access.scram import ServerExchange, offered_mechanisms
from interlock.access.tokens import TokenTerms, verify
from interlock.access.verifier import mock_verifier
from interlock.gateways.postgres.connection import Connection
from interlock.model import Principal
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import (
    build_authentication_cleartext,
    build_authentication_sasl,
    build_authentication_sasl_continue,
    build_authentication_sasl_final,
    parse_password,
    parse_sasl_initial,
    parse_sasl_response,
)
from interlock.wire.postgres.violations import ClientViolation

TOKEN_USER: Final = "token"


class Doorkeeper(Struct, frozen=True, kw_only=True):
    """What logins are checked against; a reload makes a new one.

    `binding` is the gateway's certificate as channel binding sees it. `mock_secret` makes the salt of names that
    do not exist the same every time. `now` gives microseconds since the epoch, UTC.
    """

    directory: Directory
    terms: TokenTerms | None
    revocations: Callable[[], Revocations]
    binding: bytes | None
    mock_secret: bytes
    nonce: Callable[[], str]
    now: Callable[[], int]


class Guest(Struct, frozen=True, kw_only=True):
    """Somebody who proved who they are.

    `expires_at` is in microseconds since the epoch, None for passwords; `issued_at` in seconds, as in the token.
    """

    principal: Principal
    purpose: str | None
    targets: frozenset[str] | None
    token: str | None = None
    issued_at: int = 0
    expires_at: int | None = None

    def may_reach(self, target: str) -> bool:
        """Whether this login may open a session on `target` at all."""
        return self.targets is None or target in self.targets


async def authenticate(connection: Connection, user: str, keeper: Doorkeeper) -> Guest:
    """Ask until it is certain who calls. Raises LoginRefused or TokenRefused."""
    if user == TOKEN_USER:
        return await _by_token(connection, keeper)
    return await _by_scram(connection, user, keeper)


async def _by_token(connection: Connection, keeper: Doorkeeper) -> Guest:
    if not connection.encrypted:
        raise LoginRefused("a token is sent in clear, so only inside TLS; set sslmode=require")
    if keeper.terms is None:
        raise LoginRefused("this gateway takes no tokens; add [tokens] to interlock.toml, or log in by name")
    connection.write(build_authentication_cleartext())
    token = parse_password(await _answer(connection)).text
    found = verify(token, terms=keeper.terms, now=keeper.now(), revoked=keeper.revocations())
    return Guest(
        principal=found.principal,
        purpose=found.purpose,
        targets=found.targets,
        token=found.id,
        issued_at=found.issued_at,
        expires_at=found.expires_at,
    )


async def _by_scram(connection: Connection, user: str, keeper: Doorkeeper) -> Guest:
    account = keeper.directory.find(user)
    verifier = account.verifier if account is not None else None
    binding = keeper.binding if connection.encrypted else None
    connection.write(build_authentication_sasl(offered_mechanisms(binding)))
    initial = parse_sasl_initial(await _answer(connection))
    exchange = ServerExchange(
        mechanism=initial.mechanism,
        verifier=verifier or mock_verifier(user, secret=keeper.mock_secret),
        nonce=keeper.nonce(),
        binding=binding,
    )
    connection.write(build_authentication_sasl_continue(exchange.challenge(initial.response or b"")))
    final = exchange.finish(parse_sasl_response(await _answer(connection)).data)
    if account is None or verifier is None:
        raise LoginRefused("the SCRAM proof was refused")
    connection.write(build_authentication_sasl_final(final))
    return Guest(principal=account.principal, purpose=None, targets=account.targets)


async def _answer(connection: Connection) -> bytes:
    frames = await connection.receive()
    if not frames:
        raise connection.fault or LoginRefused("the client left during login")
    if len(frames) > 1 or frames[0][0] != kinds.AUTHENTICATION_ANSWER:
        raise ClientViolation("only an answer to the authentication request belongs here; connect again")
    return frames[0][1]
