"""Short-lived signed tokens (JWT, Ed25519) that carry who acts, for whom, and what for."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NoReturn

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from msgspec import Struct

from interlock.access.faults import TokenRefused
from interlock.access.identity import MAX_ACTORS
from interlock.access.revocation import Revocations
from interlock.model import Principal, PrincipalKind

# The fully specified name of RFC 9864, which deprecates `EdDSA`: one name, one curve, nothing to confuse.
ALGORITHM: Final = "Ed25519"
DEFAULT_LIFETIME: Final = 3600
LONGEST_LIFETIME: Final = 12 * 3600
LARGEST_TOKEN: Final = 8192

# Clocks of two honest machines may differ; only the beginning is forgiven, never the end.
_CLOCK_SKEW: Final = 30
_MICROSECONDS: Final = 1_000_000
_HEADER: Final = frozenset({"alg", "kid", "typ"})


class _Actor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """RFC 8693 section 4.1: the outermost `act` acts now, those inside acted before it."""

    sub: str
    kind: PrincipalKind
    groups: tuple[str, ...] = ()
    act: "_Actor | None" = None


class _Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything a token may say; `sub` is the root of the chain, times are in seconds since the epoch."""

    iss: str
    sub: str
    aud: str
    iat: int
    nbf: int
    exp: int
    jti: str
    kind: PrincipalKind
    groups: tuple[str, ...] = ()
    purpose: str | None = None
    targets: tuple[str, ...] | None = None
    act: _Actor | None = None
    amr: tuple[str, ...] = ()


class Pass(Struct, frozen=True, kw_only=True):
    """What a good token says. `targets` None means every target; `expires_at` is in microseconds since the epoch,
    `issued_at` in seconds, as revocations count. `mfa`: its subject showed several factors (RFC 8176), acting alone."""

    id: str
    principal: Principal
    purpose: str | None
    targets: frozenset[str] | None
    issued_at: int
    expires_at: int
    mfa: bool = False

    def may_reach(self, target: str) -> bool:
        """Whether the token lets its bearer open a session on `target`."""
        return self.targets is None or target in self.targets


class TokenTerms(Struct, frozen=True, kw_only=True):
    """What a gateway believes: tokens of `issuer` for `audience`, signed by one of `keys` (key id -> public key)."""

    issuer: str
    audience: str
    keys: Mapping[str, OKPKey]
    longest_lifetime: int = DEFAULT_LIFETIME


def mint(
    principal: Principal,
    *,
    id: str,
    audience: str,
    now: int,
    lifetime: int,
    key: OKPKey,
    kid: str,
    purpose: str | None = None,
    targets: Iterable[str] | None = None,
    amr: Iterable[str] = (),
) -> str:
    """A token for `principal`, issued by the issuer of its root. `now` in microseconds, `lifetime` in seconds.

    Raises TokenRefused for a lifetime or a chain that no gateway would accept.
    """
    if not 0 < lifetime <= LONGEST_LIFETIME:
        raise TokenRefused(f"a token lives for {lifetime} s, not between 1 s and {LONGEST_LIFETIME} s: ask for less")
    *actors, root = principal.chain()
    if len(actors) > MAX_ACTORS:
        raise TokenRefused(
            f"{len(actors)} actors stand between `{principal.id}` and `{root.id}`: at most {MAX_ACTORS} may"
        )
    act: _Actor | None = None
    for actor in reversed(actors):
        act = _Actor(sub=actor.id, kind=actor.kind, groups=tuple(sorted(actor.groups)), act=act)
    issued = now // _MICROSECONDS
    claims = _Claims(
        iss=root.issuer,
        sub=root.id,
        aud=audience,
        iat=issued,
        nbf=issued,
        exp=issued + lifetime,
        jti=id,
        kind=root.kind,
        groups=tuple(sorted(root.groups)),
        purpose=purpose,
        targets=None if targets is None else tuple(sorted(targets)),
        act=act,
        amr=tuple(sorted(amr)),
    )
    header = {"alg": ALGORITHM, "kid": kid, "typ": "JWT"}
    return jws.serialize_compact(header, msgspec.json.encode(claims), key, algorithms=[ALGORITHM])


def verify(token: str, *, terms: TokenTerms, now: int, revoked: Revocations) -> Pass:
    """What `token` says, if it is believed at `now` (microseconds since the epoch); else TokenRefused."""
    claims = _read_claims(_check_signature(token, terms.keys))
    _check_origin(claims, terms)
    _check_times(claims, terms.longest_lifetime, now / _MICROSECONDS)
    actors = list(_actors(claims))
    if len(actors) > MAX_ACTORS:
        raise TokenRefused(
            f"the token's chain has {len(actors)} actors: at most {MAX_ACTORS} may stand before the subject"
        )
    principal = _principal(claims, actors)
    if revoked.revokes(token=claims.jti, subjects=(p.id for p in principal.chain()), issued_at=claims.iat):
        raise TokenRefused("the token was revoked: ask whoever issued it for a new one")
    return Pass(
        id=claims.jti,
        principal=principal,
        purpose=claims.purpose,
        targets=None if claims.targets is None else frozenset(claims.targets),
        issued_at=claims.iat,
        expires_at=claims.exp * _MICROSECONDS,
        mfa="mfa" in claims.amr and claims.act is None,
    )


def _check_signature(token: str, keys: Mapping[str, OKPKey]) -> bytes:
    if len(token) > LARGEST_TOKEN:
        raise TokenRefused(
            f"the token has {len(token)} characters, more than {LARGEST_TOKEN}: ask for one with fewer groups"
        )
    try:
        signed = jws.extract_compact(token.encode("ascii"))
        header = signed.headers()
    except (JoseError, ValueError) as error:
        raise TokenRefused(
            "this is not a signed token: pass the whole text that `interlock token mint` printed"
        ) from error
    if header.get("alg") != ALGORITHM:
        raise TokenRefused(
            f"the token is signed with `{header.get('alg')}`, and only {ALGORITHM} is accepted: mint it again"
        )
    if unknown := header.keys() - _HEADER:
        raise TokenRefused(f"the token's header has `{min(unknown)}`, which is not accepted: mint it without")
    kid = header.get("kid")
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise TokenRefused(
            f"the token is signed with key `{kid}`, which this gateway does not know: add it to [tokens.keys]"
        )
    try:
        good = jws.validate_compact(signed, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise TokenRefused(f"the token's signature cannot be checked ({error}): mint it again") from error
    if not good:
        raise TokenRefused("the token's signature is wrong: it was changed on its way, or another key signed it")
    return signed.payload


def _read_claims(payload: bytes) -> _Claims:
    try:
        # Two parsers may read one key twice in two ways (threats.md 17): a doubled key is refused, not resolved.
        return msgspec.convert(json.loads(payload, object_pairs_hook=_once), _Claims, strict=True)
    except msgspec.ValidationError as error:
        raise TokenRefused(f"the token's claims are not as this gateway knows them ({error}): mint it again") from error
    except (ValueError, RecursionError) as error:
        raise TokenRefused("the token's claims are not JSON: mint it again") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        _refuse_doubled()
    return members


def _refuse_doubled() -> NoReturn:
    raise TokenRefused("the token states one of its claims twice: mint it again")


def _check_origin(claims: _Claims, terms: TokenTerms) -> None:
    if claims.iss != terms.issuer:
        raise TokenRefused(f"the token was issued by `{claims.iss}`, and this gateway believes `{terms.issuer}` alone")
    if claims.aud != terms.audience:
        raise TokenRefused(f"the token is for `{claims.aud}`, and this gateway is `{terms.audience}`: mint one for it")


def _check_times(claims: _Claims, longest: int, now: float) -> None:
    lifetime = claims.exp - claims.iat
    if not 0 < lifetime <= longest:
        raise TokenRefused(
            f"the token lives for {lifetime} s, and at most {longest} s are accepted here: mint a shorter one"
        )
    if now >= claims.exp:
        raise TokenRefused(f"the token expired {int(now - claims.exp)} s ago: mint a new one")
    if now + _CLOCK_SKEW < max(claims.nbf, claims.iat):
        raise TokenRefused("the token is not valid yet: wait, or compare the clocks of both machines")


def _actors(claims: _Claims) -> Iterator[_Actor]:
    actor = claims.act
    while actor is not None:
        yield actor
        actor = actor.act


def _principal(claims: _Claims, actors: list[_Actor]) -> Principal:
    principal = Principal(id=claims.sub, kind=claims.kind, issuer=claims.iss, groups=frozenset(claims.groups))
    for actor in reversed(actors):
        principal = Principal(
            id=actor.sub, kind=actor.kind, issuer=claims.iss, groups=frozenset(actor.groups), on_behalf_of=principal
        )
    return principal
