"""The play: honest questions, then the stories; every expectation that is not met is remembered."""

from dataclasses import dataclass, field

import asyncpg

from demo import shop
from demo.agent import Passed, Refusal, ask, attempt
from demo.harm import harm
from demo.screen import Screen
from demo.stories import AFTERWARDS, QUESTIONS, STORIES, Question, Story

DENIED = "42501"  # insufficient_privilege: what a refusal by Interlock carries


@dataclass(slots=True, kw_only=True)
class Play:
    """Two connections to one shop: the agent's through the gateway, ours straight to the database.

    `results` are (as expected, what was asked, what became of it, how long it took); `exhibit` is the refusal that
    is in the picture, to be proven.
    """

    agent: asyncpg.Connection
    direct: asyncpg.Connection
    screen: Screen
    results: list[tuple[bool, str, str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    exhibit: Refusal | None = None

    async def perform(self) -> None:
        """All of it, in order. Ends early when a story passed: the shop is then no longer what it was."""
        self.screen.chapter(
            "Honest work passes", "The rows are compared with those of the database itself.", pictured=True
        )
        for question in QUESTIONS:
            await self._honest(question)
        untouched = await shop.digest(self.direct)
        self.screen.chapter(
            "What goes too far is stopped", "Every message is shown as the driver received it.", pictured=True
        )
        for story in STORIES:
            if not await self._story(story):
                return
        await self._afterwards(untouched)

    async def _honest(self, question: Question) -> None:
        try:
            answer = await ask(self.agent, question)
        except asyncpg.PostgresError as error:
            self.failed(question.title, f"was refused: {error}")
            return
        if not answer.rows or answer.rows != (await ask(self.direct, question)).rows:
            self.failed(question.title, "not the rows that the database gives")
            return
        self.screen.answered(question, answer)
        self.results.append((True, question.title, "answered", f"{answer.milliseconds:.1f} ms"))

    async def _story(self, story: Story) -> bool:
        would = await harm(self.direct, story)
        before = await shop.count(self.direct)
        end = await attempt(self.agent, story)
        if isinstance(end, Passed):
            self.failed(story.title, f"passed ({end.received:,} received), and had to be stopped")
            return False
        after = await shop.count(self.direct)
        if story.pictured:
            self.exhibit = end
        self.screen.stopped(
            story,
            end,
            proof=f"Nothing changed: {sum(before.values()):,} rows before, {sum(after.values()):,} after.",
            otherwise=f"Sent straight to the database it would {would}.",
        )
        if after != before:
            self.failed(story.title, "was refused, and yet rows are missing")
        elif end.sqlstate != DENIED or story.policy not in end.text:
            self.failed(story.title, f"was refused, but not by `{story.policy}`: {end.message}")
        else:
            self.results.append((True, story.title, "stopped", f"{end.milliseconds:.1f} ms"))
        return True

    async def _afterwards(self, untouched: dict[str, str]) -> None:
        """The agent's connection still works, and every row of every table is what it was."""
        await self._honest(AFTERWARDS)
        title = "Digest over every row of every table"
        if await shop.digest(self.direct) != untouched:
            self.failed(title, "differs from the one before the stories")
        else:
            self.results.append((True, title, "unchanged", ""))

    def failed(self, title: str, what: str) -> None:
        """Remember, and say at once, that something was not as expected."""
        self.screen.failure(f"{title}: {what}")
        self.failures.append(f"{title}: {what}")
        self.results.append((False, title, "NOT AS EXPECTED", ""))
