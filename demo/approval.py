"""A bulk delete that is measured, held, approved by the owner of the data, and landed within what was approved."""

import json
from dataclasses import dataclass

import asyncpg

from demo import shop
from demo.agent import Passed, Refusal, attempt
from demo.harm import harm
from demo.play import DENIED, Play
from demo.stage import DATA_OWNER, INTERLOCK, Stage, StageFault
from demo.stories import BULK, MEANWHILE
from interlock.app.approvals import Desk
from interlock.model import Impact, Verb

MARK = "interlock: "  # before what a refusal says for programs
PENDING = 75  # EX_TEMPFAIL: how the command line says that a request waits


@dataclass(slots=True, kw_only=True)
class Approval:
    """The last part of a play: a person's connection through the gateway, and an owner at the command line."""

    play: Play
    place: Stage
    person: asyncpg.Connection

    async def perform(self) -> None:
        """All of it; ends early where a step was not as expected, since the next one rests on it."""
        self.play.screen.chapter(
            "What is too much is counted, and its owner is asked",
            "The delete runs, is counted and taken back; the owner reads the numbers.",
            pictured=True,
        )
        request = await self._held(BULK.title)
        if request is None:
            return
        await shop.remember(self.play.direct)
        try:
            approved = self._approve(request)
        except StageFault as fault:
            self.play.failed("The owner of the data approves", str(fault))
            return
        if await self._landed(approved):
            await self.play.direct.execute(MEANWHILE)
            await self._held_anew(request)

    async def _held(self, title: str) -> str | None:
        """The request that a refusal with numbers makes; None where it was not as expected."""
        play = self.play
        would = await harm(play.direct, BULK)
        before = await shop.digest(play.direct)
        end = await attempt(self.person, BULK)
        changed = await shop.digest(play.direct) != before
        request = None if isinstance(end, Passed) else request_of(end)
        if isinstance(end, Passed) or request is None or changed:
            play.failed(title, f"was not held; rows {'differ' if changed else 'are as they were'}")
            return None
        if end.sqlstate != DENIED or BULK.policy not in end.text:
            play.failed(title, f"was refused, but not by `{BULK.policy}`: {end.message}")
            return None
        rows = sum((await shop.count(play.direct)).values())
        proof = f"Nothing changed: each of {rows:,} rows is what it was."
        play.screen.stopped(BULK, end, proof=proof, otherwise=f"Sent straight to the database it would {would}.")
        play.results.append((True, title, "held", f"{end.milliseconds:.1f} ms"))
        return request

    def _approve(self, request: str) -> Impact:
        """The owner reads the card and agrees; returns what was agreed to. Raises StageFault."""
        place, screen = self.place, self.play.screen
        screen.ran(
            f"interlock approvals show {request}",
            place.run(INTERLOCK, "approvals", "show", request, code=PENDING).said,
        )
        with Desk(place.directory / ".interlock" / "approvals.sock") as desk:
            ceiling = next((lease.ceiling for lease in desk.open() if lease.id == request), None)
        if ceiling is None:
            raise StageFault(f"request {request} carries no numbers")
        words = ("approvals", "approve", request, "--as", DATA_OWNER)
        done = place.run(INTERLOCK, *words, "--secret-file", f"{DATA_OWNER}.secret")
        screen.ran(f"interlock {' '.join(words)}", done.said, pictured=True)
        self.play.results.append((True, "The owner of the data approves", "granted", ""))
        return ceiling

    async def _landed(self, approved: Impact) -> bool:
        """The same statement passes, and what became of every row of every table is what was approved."""
        play, title = self.play, "The same delete, sent again"
        end = await attempt(self.person, BULK)
        if isinstance(end, Refusal):
            play.failed(title, f"was approved, and yet refused: {end.text}")
            return False
        changed = await shop.difference(play.direct)
        if changed != expected(approved):
            play.failed(title, f"landed with {changed}, and {expected(approved)} was approved")
            return False
        proof = f"Landed: exactly the {approved.rows or 0:,} rows that were approved, and no other row."
        play.screen.landed("✓", title, end.milliseconds, proof)
        play.results.append((True, title, "as approved", f"{end.milliseconds:.1f} ms"))
        return True

    async def _held_anew(self, used: str) -> None:
        """More was cancelled meanwhile, within what had been approved: but an approval is for once."""
        title = "And once more, when 500 more were cancelled"
        before = await shop.digest(self.play.direct)
        end = await attempt(self.person, BULK)
        again = None if isinstance(end, Passed) else request_of(end)
        if again in (None, used) or await shop.digest(self.play.direct) != before:
            self.play.failed(title, "was not held anew, under a request of its own")
            return
        self.play.screen.landed("■", title, end.milliseconds, f"Held anew, as request {again}.")
        self.play.results.append((True, title, "held anew", f"{end.milliseconds:.1f} ms"))


def request_of(refusal: Refusal) -> str | None:
    """The request that waits, as a program reads it."""
    for line in (refusal.detail or "").splitlines():
        if line.startswith(MARK):
            return str(json.loads(line.removeprefix(MARK))["request"])
    return None


def expected(approved: Impact) -> dict[str, tuple[int, int]]:
    """Of each table (rows that are gone, rows that came), where exactly this lands."""
    found: dict[str, tuple[int, int]] = {}
    for one in approved.touched:
        table = str(one.object).removeprefix("public.")
        gone, came = found.get(table, (0, 0))
        rows = one.rows or 0  # not known is not zero, and what then differs is told
        found[table] = (
            gone + (0 if one.verb is Verb.CREATE else rows),
            came + (0 if one.verb is Verb.DELETE else rows),
        )
    return found
