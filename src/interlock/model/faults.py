"""The three roots of every exception Interlock raises on purpose: ours, the caller's, the target's."""


class Fault(Exception):
    """Text is lower case, user input stands in backticks, and it ends with what to do next."""


class OurFault(Fault):
    """Interlock is broken or wrongly set up. Nothing is let through."""


class CallerFault(Fault):
    """The client sent something it should not have sent."""


class TargetFault(Fault):
    """The target failed, vanished, or answered what it should not have answered."""
