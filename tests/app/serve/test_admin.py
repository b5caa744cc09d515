"""/healthz and /metrics answer GET, and nothing else."""

import asyncio

import pytest

from interlock.app.serve.admin import serve_admin

PAGES = {"/healthz": lambda: (200, "text/plain", b"ok\n"), "/sick": lambda: (503, "text/plain", b"starting\n")}


async def ask(request: bytes) -> bytes:
    server = await serve_admin(PAGES, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"200 OK", b"ok\n"),
        (b"GET /healthz?verbose=1 HTTP/1.1\r\n\r\n", b"200 OK", b"ok\n"),
        (b"HEAD /healthz HTTP/1.1\r\n\r\n", b"200 OK", b""),
        (b"GET /sick HTTP/1.1\r\n\r\n", b"503 Service Unavailable", b"starting\n"),
        (b"GET /etc/passwd HTTP/1.1\r\n\r\n", b"404 Not Found", b"there are: /healthz /sick\n"),
        (b"POST /healthz HTTP/1.1\r\n\r\n", b"405 Method Not Allowed", b"only GET\n"),
    ],
)
def test_a_request_is_answered(request_: bytes, status: bytes, body: bytes) -> None:
    head, _, found = asyncio.run(ask(request_)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert found == body


def test_a_request_without_end_is_not_read_for_ever() -> None:
    assert asyncio.run(ask(b"GET /" + b"a" * 100_000)) == b""
