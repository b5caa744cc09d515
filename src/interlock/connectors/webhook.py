"""One webhook: each step is posted in order, signed, and tried again until it is taken or too old."""

import asyncio
import hmac
import http.client
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from interlock.connectors.events import Format, Step
from interlock.model import TargetFault

MOST_WAITING: Final = 256  # steps; behind a receiver that takes none the oldest are dropped
TRIES: Final = 8
FIRST_PAUSE: Final = 1.0  # seconds, doubled after each try: two minutes in all
SECONDS: Final = 10.0
_TAKEN: Final = range(200, 300)
# What another try cannot mend: the receiver understood, and refuses. It may be late (408, 425) or busy (429).
_REFUSED: Final = frozenset(range(400, 500)) - {408, 425, 429}

Say = Callable[[str], None]
Sleep = Callable[[float], Awaitable[None]]


class NotTaken(TargetFault):
    """The receiver did not take a step. `final` where another try is of no use."""

    def __init__(self, text: str, *, final: bool) -> None:
        super().__init__(text)
        self.final = final


class Hook(Struct, frozen=True, kw_only=True):
    """Where steps go and how they look. `secret` signs them; a chat has none: its address is the secret."""

    name: str
    url: str
    format: Format
    content_type: str
    secret: bytes | None = None


class Webhook:
    """Posts steps one after the other. `say` tells the operator what was given up; `now` is in microseconds."""

    def __init__(self, hook: Hook, *, say: Say, now: Callable[[], int], sleep: Sleep = asyncio.sleep) -> None:
        self._hook = hook
        self._say = say
        self._now = now
        self._sleep = sleep
        self._queue: asyncio.Queue[Step] = asyncio.Queue()
        self._busy = False
        self.given_up = 0

    @property
    def idle(self) -> bool:
        """Whether everything that it was told is delivered, or given up."""
        return self._queue.empty() and not self._busy

    def tell(self, step: Step) -> None:
        """Queue a step; never waits."""
        if self._queue.qsize() >= MOST_WAITING:
            self._drop(self._queue.get_nowait(), "too many wait")
        self._queue.put_nowait(step)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            step = await self._queue.get()
            self._busy = True
            await self._deliver(step)
            self._busy = False

    async def _deliver(self, step: Step) -> None:
        pause = FIRST_PAUSE
        body = self._hook.format(step)
        for left in reversed(range(TRIES)):
            try:
                await asyncio.to_thread(post, self._hook.url, body, self._headers(step, body))
            except NotTaken as fault:
                if fault.final or not left:
                    return self._drop(step, str(fault))
            else:
                return None
            await self._sleep(pause)
            pause *= 2
        return None

    def _drop(self, step: Step, why: str) -> None:
        self.given_up += 1
        self._say(f"webhook {self._hook.name}: {step.what} of request {step.lease.id} was not taken: {why}")

    def _headers(self, step: Step, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": self._hook.content_type, "User-Agent": "interlock"}
        if self._hook.secret is None:
            return headers
        stamp = str(self._now() // 1_000_000)
        return headers | {
            "Webhook-Id": step.id,
            "Webhook-Timestamp": stamp,
            "Webhook-Signature": signature(self._hook.secret, step.id, stamp, body),
        }


def signature(secret: bytes, id: str, stamp: str, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks, "Signature scheme"): a receiver
    recomputes it, and refuses an old stamp or an id that it has seen."""
    mac = hmac.new(secret, f"{id}.{stamp}.".encode() + body, sha256)
    return f"v1,{b64encode(mac.digest()).decode()}"


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """One request; redirects are not followed. Raises NotTaken."""
    place = urlsplit(url)
    host, path = place.hostname or "", (place.path or "/") + (f"?{place.query}" if place.query else "")
    connection: http.client.HTTPConnection
    if place.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, place.port, timeout=SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, place.port, timeout=SECONDS)
    try:
        connection.request("POST", path, body, dict(headers))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotTaken(f"no answer ({error})", final=False) from error
    finally:
        connection.close()
    if status not in _TAKEN:
        raise NotTaken(f"the answer was {status}", final=status in _REFUSED)
