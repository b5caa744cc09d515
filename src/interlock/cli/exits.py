"""What the exit codes of `interlock` mean; where sysexits.h has a number for it, that one is taken."""

from enum import IntEnum

from interlock.model import CallerFault, Fault, OurFault, TargetFault


class Exit(IntEnum):
    """A wrapped command's own code stands when it ran and failed; these are the codes of Interlock itself."""

    DONE = 0
    USAGE = 2
    UNREACHABLE = 69
    PENDING = 75
    DENIED = 77
    MISCONFIGURED = 78


def exit_of(fault: Fault) -> Exit:
    """The code for a fault that nobody handled: who has to act decides."""
    match fault:
        case CallerFault():
            return Exit.USAGE
        case TargetFault():
            return Exit.UNREACHABLE
        case OurFault():
            return Exit.MISCONFIGURED
        case _:
            return Exit.MISCONFIGURED
