"""What is raised when a peer breaks the protocol, and whose fault it was."""

from interlock.model.faults import CallerFault, Fault, TargetFault


class ProtocolViolation(Fault):
    """A peer sent bytes that the protocol does not allow here. The connection cannot go on, unless `recoverable`.

    `sqlstate` is the code that PostgreSQL itself reports for it, `advice` what to do next.
    """

    sqlstate = "08P01"
    recoverable = False
    advice = "reconnect"

    def __init__(self, what: str, advice: str | None = None) -> None:
        super().__init__(f"{what}; {advice or self.advice}")


class ClientViolation(ProtocolViolation, CallerFault):
    """The client broke the protocol."""

    advice = "reconnect with a client that speaks PostgreSQL's protocol 3"


class ServerViolation(ProtocolViolation, TargetFault):
    """The server broke the protocol."""

    advice = "check what the target really is"


class UnsupportedProtocol(ClientViolation):
    """The client wants to speak a version of the protocol that is not 3.x."""

    sqlstate = "0A000"


class NotText(ClientViolation):
    """Text is not UTF-8. PostgreSQL answers this with an error and reads on, and so may we."""

    sqlstate = "22021"
    recoverable = True
    advice = "send UTF-8"
