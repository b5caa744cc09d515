"""/healthz and /metrics, on a port of their own."""

import asyncio
from collections.abc import Callable
from typing import Final

_LARGEST_REQUEST: Final = 8192
_SECONDS: Final = 5.0

Page = Callable[[], tuple[int, str, bytes]]  # status, content type, body
_WORDS: Final = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


async def serve_admin(pages: dict[str, Page], host: str, port: int) -> asyncio.Server:
    """Answer GET requests for these paths. Needs no more of HTTP than that."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(_respond(pages, request))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # whoever asks like this gets no answer
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port, limit=_LARGEST_REQUEST)


def _respond(pages: dict[str, Page], request: bytes) -> bytes:
    method, _, rest = request.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0].decode("ascii", "replace")
    if method not in (b"GET", b"HEAD"):
        return _response(405, "text/plain", b"only GET\n")
    page = pages.get(path)
    if page is None:
        return _response(404, "text/plain", ("there are: " + " ".join(sorted(pages)) + "\n").encode())
    status, kind, body = page()
    return _response(status, kind, b"" if method == b"HEAD" else body)


def _response(status: int, kind: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_WORDS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
