"""What access refuses: a login, a token, a server that cannot prove itself, a verifier that is none."""

from interlock.model import CallerFault, OurFault, TargetFault


class LoginRefused(CallerFault):
    """A client did not prove who it is. Meant for our log: the client hears only that authentication failed."""


class TokenRefused(CallerFault):
    """A token that is forged, stale, revoked or not made for this gateway."""


class ServerUnproven(TargetFault):
    """An upstream server that did not prove that it knows our password, or asked what it must not ask."""


class CredentialRefused(OurFault):
    """A verifier, key or revocation entry in the configuration that cannot be used as written."""


class ApprovalRefused(CallerFault):
    """Somebody decided what is not theirs to decide, or what is over."""


class RunbookRefused(CallerFault):
    """A runbook that cannot be read, or that somebody may not sign."""
