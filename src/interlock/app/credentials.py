"""From the configuration to what logs in, on either side: accounts, token terms, passwords, TLS contexts."""

import ssl
from collections.abc import Callable, Mapping

from interlock.access.faults import CredentialRefused
from interlock.access.identity import Directory, Entry
from interlock.access.keys import load_verification_keys
from interlock.access.revocation import Revocations, read_revocations
from interlock.access.tokens import TokenTerms
from interlock.access.verifier import Verifier, derive_verifier
from interlock.app.certificates import (
    SOON_DAYS,
    Certificate,
    TlsRefused,
    client_context,
    days_left,
    development_certificate,
    unverified_context,
)
from interlock.app.config import (
    Config,
    GatewayConfig,
    MinterConfig,
    PrincipalConfig,
    ServingTls,
    TargetConfig,
    TargetTls,
    TokensConfig,
)
from interlock.app.secrets import read_secret

SALT_BYTES = 16


def build_directory(config: Config, *, environ: Mapping[str, str], entropy: Callable[[int], bytes]) -> Directory:
    """The accounts of the configured principals; verifiers of secrets are made here, a millisecond each."""
    return Directory(
        Entry(
            name=name,
            kind=principal.kind,
            groups=principal.groups,
            on_behalf_of=principal.on_behalf_of,
            verifier=_verifier(principal, environ, entropy),
            targets=principal.targets,
        )
        for name, principal in config.principals.items()
    )


def token_terms(tokens: TokensConfig) -> TokenTerms:
    """Whose tokens the gateway believes. Raises CredentialRefused for a key it cannot use."""
    return TokenTerms(
        issuer=tokens.issuer,
        audience=tokens.audience,
        keys=load_verification_keys({kid: file.read_bytes() for kid, file in tokens.keys.items()}),
        longest_lifetime=int(tokens.max_lifetime),
    )


def revocation_list(tokens: TokensConfig) -> Revocations:
    """What is revoked now. No file means that nothing was revoked yet; an unreadable one refuses everything."""
    try:
        text = tokens.revocations.read_bytes()
    except FileNotFoundError:
        return Revocations()
    except OSError as error:
        raise CredentialRefused(
            f"the revocation list `{tokens.revocations}` cannot be read ({error.strerror}): mend its owner and mode"
        ) from error
    return read_revocations(text)


def target_password(target: TargetConfig, *, environ: Mapping[str, str]) -> str:
    """The password of the gateway's own role on a target."""
    return read_secret(env=target.password_env, file=target.password_file, environ=environ)


def minter_password(minter: MinterConfig, *, environ: Mapping[str, str]) -> str:
    """The password of the gateway's minting role on a target."""
    return read_secret(env=minter.password_env, file=minter.password_file, environ=environ)


def target_context(target: TargetConfig) -> ssl.SSLContext | None:
    """How to speak TLS with a target; None for a Unix socket and for `disable`."""
    if target.socket is not None:
        return None
    match target.tls:
        case TargetTls.DISABLE:
            return None
        case TargetTls.REQUIRE if target.ca is None:
            return unverified_context()
        case TargetTls.REQUIRE | TargetTls.VERIFY_CA:
            # As libpq: an authority that was named is checked even where only encryption was asked for.
            return client_context(verify_name=False, authority=target.ca)
        case TargetTls.VERIFY_FULL:
            return client_context(verify_name=True, authority=target.ca)


def serving_certificate(gateway: GatewayConfig, *, now: int) -> Certificate | None:
    """The gateway's certificate files; a generated one is made here if need be. None where TLS is off."""
    match gateway.tls:
        case ServingTls.OFF:
            return None
        case ServingTls.GENERATED:
            return development_certificate(gateway.tls_directory, now=now)
        case ServingTls.FILES:
            if gateway.certificate is None or gateway.key is None:
                raise TlsRefused('tls = "files" needs certificate and key: set both in [gateway]')
            return Certificate(chain=gateway.certificate, key=gateway.key, authority=gateway.certificate)


def certificate_warning(gateway: GatewayConfig, *, now: int) -> str | None:
    """What an operator must hear of the gateway's certificate: that it has ended, or soon will."""
    certificate = serving_certificate(gateway, now=now)
    if certificate is None or (left := days_left(certificate.chain, now=now)) >= SOON_DAYS:
        return None
    if left < 0:
        return f"{certificate.chain} HAS EXPIRED: clients that verify it are not coming in; renew it and reload"
    return f"{certificate.chain} expires in {left} days: renew it and reload"


def _verifier(
    principal: PrincipalConfig, environ: Mapping[str, str], entropy: Callable[[int], bytes]
) -> Verifier | None:
    if principal.secret_env is None and principal.secret_file is None:
        return principal.verifier
    secret = read_secret(env=principal.secret_env, file=principal.secret_file, environ=environ)
    return derive_verifier(secret, salt=entropy(SALT_BYTES))
