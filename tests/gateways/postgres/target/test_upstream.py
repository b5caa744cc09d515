"""The gateway's own login: what it says when there is none."""

import errno
import socket
import ssl

import pytest

from interlock.gateways.postgres.target.upstream import cause


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 5432)"), "Connection refused"),
        (OSError("Multiple exceptions: one, two"), "Multiple exceptions: one, two"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "certificate verify failed"),
        (TimeoutError(), "no answer in time"),
    ],
)
def test_a_cause_is_said_in_words(error: Exception, words: str) -> None:
    assert words in cause(error)
    assert "127.0.0.1" not in cause(error)
