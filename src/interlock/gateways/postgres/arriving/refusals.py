"""Why a session cannot begin or go on, as its client is told."""

from interlock.access.faults import LoginRefused, TokenRefused
from interlock.gateways.postgres.answering import replies
from interlock.gateways.postgres.arriving.pins import ParameterRefused
from interlock.gateways.postgres.target.upstream import Unreachable
from interlock.model import CallerFault, Fault, TargetFault


class Refused(CallerFault):
    """A refusal whose answer is ready."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("refused")
        self.answer = answer


def refusal(fault: BaseException) -> bytes:
    """What a client is told when its session cannot begin or go on. Login failures all read alike."""
    match fault:
        case Refused():
            return fault.answer
        case LoginRefused():
            return replies.fatal("28P01", "password authentication failed", hint="Check user name and password.")
        case TokenRefused():
            return replies.fatal("28000", f"the token was refused: {fault}")
        case ParameterRefused() | Unreachable():
            return replies.fatal(fault.sqlstate, str(fault))
        case TimeoutError():
            return replies.fatal("08006", "the login took too long; connect again")
        case TargetFault():
            return replies.fatal("08006", str(fault))
        case CallerFault():
            return replies.fatal("08P01", str(fault))
        case Fault():
            return replies.fatal("58000", f"interlock cannot go on and lets nothing through: {fault}")
        case _:
            return replies.fatal("08006", "the connection was lost")
