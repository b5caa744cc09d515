"""Webhooks against a local receiver: signed, in order, tried again, given up."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from interlock.access.leases import approve
from interlock.connectors.events import Step, chat_message, cloud_event
from interlock.connectors.webhook import MOST_WAITING, TRIES, Hook, Webhook
from interlock.model import Basis, Card, Effect, Impact, Object, ObjectKind, Reach, Target, Touched, Verb
from tests.access.leasing import DORA, MINUTE, by, request
from tests.connectors.receiver import Receiver, receiving

SECRET = b"only the receiver knows it"
CARD = Card(
    target=Target(name="shop", kind="postgresql", environment="prod"),
    surface="postgresql",
    effects=(
        Effect(
            verb=Verb.DELETE,
            object=Object(kind=ObjectKind.TABLE, path=("shop", "public", "<!channel>*_orders_*")),
            reach=Reach.ALL,
        ),
    ),
    findings=(),
    reasons=(),
    impact=Impact(),
    shape="DELETE FROM orders WHERE email = $1",
    text="DELETE FROM orders WHERE email = 'ana@example.org'",
    values=("secret",),
)
STEP = Step(id="step-1", what="requested", lease=request(), at=1_500_000, gateway="gw", card=CARD)


def deliver(
    receiver: Receiver, *steps: Step, requests: int, secret: bytes | None = SECRET
) -> tuple[list[float], list[str]]:
    """(how long was paused, what the operator was told) once so many requests came."""
    paused: list[float] = []
    told: list[str] = []

    async def sleep(seconds: float) -> None:
        paused.append(seconds)

    async def run() -> None:
        hook = Hook(
            name="h", url=receiver.url, format=cloud_event, content_type="application/cloudevents+json", secret=secret
        )
        webhook = Webhook(hook, say=told.append, now=lambda: 7_000_000, sleep=sleep)
        for step in steps:
            webhook.tell(step)
        running = asyncio.get_running_loop().create_task(webhook.run())
        await asyncio.to_thread(receiver.wait_for, requests)
        while not webhook.idle:
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())
    return paused, told


def test_a_step_is_signed_so_that_a_receiver_can_check_it() -> None:
    with receiving(204) as receiver:
        assert deliver(receiver, STEP, requests=1) == ([], [])
    ((path, headers, body),) = receiver.taken
    assert (path, headers["content-type"]) == ("/hook?x=1", "application/cloudevents+json")
    said = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    expected = base64.b64encode(hmac.digest(SECRET, said, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("step-1", "7")


def test_without_a_secret_nothing_claims_to_be_signed() -> None:
    with receiving(200) as receiver:
        deliver(receiver, STEP, requests=1, secret=None)
    assert "webhook-signature" not in receiver.taken[0][1]


def test_a_receiver_that_is_busy_is_tried_again_and_order_is_kept() -> None:
    with receiving(503, 429, 200) as receiver:
        paused, told = deliver(receiver, STEP, replace(STEP, id="step-2"), requests=4)
    assert (paused, told) == ([1.0, 2.0], [])
    assert [headers["webhook-id"] for _, headers, _ in receiver.taken] == ["step-1", "step-1", "step-1", "step-2"]


def test_a_receiver_that_never_takes_it_is_given_up() -> None:
    with receiving(500) as receiver:
        paused, told = deliver(receiver, STEP, requests=TRIES)
    assert paused == [2.0**n for n in range(TRIES - 1)]
    assert len(told) == 1
    assert "the answer was 500" in told[0]


@pytest.mark.parametrize("answer", [400, 401, 404, 410])
def test_a_refusal_is_not_repeated(answer: int) -> None:
    with receiving(answer) as receiver:
        paused, told = deliver(receiver, STEP, requests=1)
    assert paused == []
    assert str(answer) in told[0]


def test_a_redirect_is_not_followed() -> None:
    with receiving(307, 200) as receiver:
        paused, _ = deliver(receiver, STEP, requests=2)
    assert paused == [1.0]


def test_nobody_there_is_no_end() -> None:
    with receiving(200) as receiver:
        url = receiver.url
    told: list[str] = []
    paused: list[float] = []

    async def sleep(seconds: float) -> None:
        paused.append(seconds)

    async def run() -> None:
        hook = Hook(name="h", url=url, format=cloud_event, content_type="x")
        webhook = Webhook(hook, say=told.append, now=lambda: 0, sleep=sleep)
        webhook.tell(STEP)
        running = asyncio.get_running_loop().create_task(webhook.run())
        while not told:
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())
    assert len(paused) == TRIES - 1


def test_behind_a_receiver_that_takes_nothing_the_oldest_is_dropped() -> None:
    told: list[str] = []

    async def run() -> None:
        webhook = Webhook(
            Hook(name="h", url="http://127.0.0.1:1", format=cloud_event, content_type="x"),
            say=told.append,
            now=lambda: 0,
        )
        for _ in range(MOST_WAITING + 2):
            webhook.tell(STEP)

    asyncio.run(run())
    assert len(told) == 2


def test_the_envelope_is_a_cloud_event_without_values() -> None:
    event = json.loads(cloud_event(STEP))
    assert {name: event[name] for name in ("specversion", "id", "source", "type", "subject", "time")} == {
        "specversion": "1.0",
        "id": "step-1",
        "source": "/interlock/gw",
        "type": "dev.interlock.approval.requested",
        "subject": "request-1",
        "time": "1970-01-01T00:00:01.500000+00:00",
    }
    assert event["data"]["missing"] == {"dba-leads": 2}
    assert event["data"]["on_behalf_of"] == ["carl"]
    assert event["data"]["impact"] == "not measured"


@pytest.mark.parametrize("format", [cloud_event, chat_message])
def test_nothing_that_leaves_holds_a_literal(format: Callable[[Step], bytes]) -> None:
    assert b"example.org" not in format(STEP)
    assert b"secret" not in format(STEP)


def test_a_chat_message_cannot_be_dressed_up() -> None:
    lease = approve(request(), DORA, by(DORA, "dba-leads"), lasts=MINUTE)
    said = json.loads(chat_message(replace(STEP, lease=lease, what="approved")))
    text = said["blocks"][0]["text"]["text"]
    assert said["text"].startswith("approved: agent robot for person carl on shop, waits for 1 of dba-leads")
    assert "<!channel>" not in text
    assert "*＿" not in text
    assert "interlock approvals show request-1" in text


def test_what_was_counted_stands_in_the_place_of_what_the_text_tells() -> None:
    (effect,) = CARD.effects
    touched = (Touched(object=effect.object, verb=Verb.DELETE, rows=2_000),)
    card = replace(CARD, impact=Impact(basis=Basis.MEASURED, rows=2_000, reversible=True, touched=touched))
    said = json.loads(cloud_event(replace(STEP, card=card)))["data"]
    assert said["effects"] == ["delete table public.<!channel>*_orders_*"]
    assert said["impact"] == "2,000 rows, measured: delete public.<!channel>*_orders_* 2,000"
    text = json.loads(chat_message(replace(STEP, card=card)))["blocks"][0]["text"]["text"]
    assert "<!channel>" not in text
    assert "2,000 rows, measured" in text
