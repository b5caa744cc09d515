"""How a server asks a client to prove who it is (type `R`)."""

from typing import Final

from msgspec import Struct

from interlock.wire.postgres.fields import BODY, INT32, ends, strict, take_raw
from interlock.wire.postgres.violations import ServerViolation


class AuthenticationOk(Struct, frozen=True):
    """The server is satisfied."""


class AuthenticationCleartext(Struct, frozen=True):
    """The server wants the password as it is."""


class AuthenticationMd5(Struct, frozen=True, kw_only=True):
    """The server wants the password hashed by MD5 with a salt of 4 bytes."""

    salt: bytes


class AuthenticationSasl(Struct, frozen=True, kw_only=True):
    """The server offers SASL mechanisms, the one it likes best first."""

    mechanisms: tuple[str, ...]


class AuthenticationSaslContinue(Struct, frozen=True, kw_only=True):
    """The server's next SASL message."""

    data: bytes


class AuthenticationSaslFinal(Struct, frozen=True, kw_only=True):
    """The server's last SASL message: its own proof."""

    data: bytes


class AuthenticationOther(Struct, frozen=True, kw_only=True):
    """Kerberos V5 (2), SCM (6), GSSAPI (7), its next step (8) or SSPI (9): not spoken here."""

    method: int
    data: bytes


Authentication = (
    AuthenticationOk
    | AuthenticationCleartext
    | AuthenticationMd5
    | AuthenticationSasl
    | AuthenticationSaslContinue
    | AuthenticationSaslFinal
    | AuthenticationOther
)

# The numbers of the documentation's Authentication messages.
OK: Final = 0
CLEARTEXT: Final = 3
MD5: Final = 5
SASL: Final = 10
SASL_CONTINUE: Final = 11
SASL_FINAL: Final = 12


@strict(ServerViolation)
def parse_authentication(frame: bytes) -> Authentication:
    """Reads a whole frame of type `R`, header included, as all parsers here do. Raises ServerViolation."""
    (method,) = INT32.unpack_from(frame, BODY)
    data = frame[BODY + 4 :]
    match method:
        case 0 | 3 if data:
            raise ValueError(f"{len(data)} bytes follow the last field")
        case 0:
            return AuthenticationOk()
        case 3:
            return AuthenticationCleartext()
        case 5 if len(data) == 4:
            return AuthenticationMd5(salt=data)
        case 10:
            return AuthenticationSasl(mechanisms=_texts_to_empty(frame, BODY + 4))
        case 11:
            return AuthenticationSaslContinue(data=data)
        case 12:
            return AuthenticationSaslFinal(data=data)
        case 2 | 6 | 7 | 8 | 9:
            return AuthenticationOther(method=method, data=data)
        case _:
            raise ValueError(f"authentication method {method} with {len(data)} bytes does not exist")


def _texts_to_empty(frame: bytes, at: int) -> tuple[str, ...]:
    texts: list[str] = []
    raw, at = take_raw(frame, at)
    while raw:
        texts.append(raw.decode("ascii"))
        raw, at = take_raw(frame, at)
    ends(frame, at)
    return tuple(texts)
