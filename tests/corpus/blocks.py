"""The form of the corpora: a reason with tags in a comment, a statement below it, a blank line behind it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TAGS: Final = re.compile(r"# \[([^\]]+)\] ")
_STATE: Final = re.compile(r"[0-9A-Z]{5}")
_VERSIONS: Final = re.compile(r"(\d\d)(?:-(\d\d))?")
_NEWEST: Final = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One text of a corpus. `states` are the SQLSTATEs with which a server may answer it on its own."""

    reason: str
    text: str
    tags: frozenset[str]
    agent_only: bool
    person_only: bool
    states: frozenset[str]
    oldest: int
    newest: int

    @property
    def title(self) -> str:
        """A short name for a test."""
        return f"{self.reason[:40]}: {self.text[:60]}"

    def runs_on(self, version: int) -> bool:
        """Whether this major version of PostgreSQL knows the syntax."""
        return self.oldest <= version <= self.newest


def blocks(file: Path) -> list[Block]:
    """Every block of a corpus in order. Raises ValueError for one without a reason or a statement."""
    found = []
    for part in re.split(r"\n{2,}", file.read_text("utf-8").strip()):
        lines = part.split("\n")
        comments = [line for line in lines if line.startswith("# ")]
        if part.startswith("## ") or len(comments) == len(lines):
            continue
        text = "\n".join(line for line in lines if not line.startswith("# "))
        if len(comments) != 1:
            raise ValueError(f"`{part[:60]}` needs one reason")
        found.append(_block(comments[0], text))
    return found


def meanings(file: Path, heading: str) -> list[Block]:
    """The statements of a corpus of meanings whose section begins with this heading, with the tags above them."""
    found = []
    for part in re.split(r"\n{2,}", file.read_text("utf-8").partition(f"\n{heading}")[2]):
        lines = [line for line in part.split("\n") if line and not line.startswith(("#", ":", "    "))]
        tags = next((line for line in part.split("\n") if line.startswith("# [")), "#")
        found += [_block(f"{tags} ", line) for line in lines]
    return found


def _block(comment: str, text: str) -> Block:
    tagged = _TAGS.match(comment)
    tags = tagged[1].replace(",", " ").split() if tagged else []
    oldest, newest = 0, _NEWEST
    for tag in tags:
        if version := _VERSIONS.fullmatch(tag):
            oldest, newest = int(version[1]), int(version[2] or _NEWEST)
    return Block(
        reason=comment[tagged.end() if tagged else 2 :],
        text=text,
        tags=frozenset(tags),
        agent_only="agent" in tags,
        person_only="person" in tags,
        states=frozenset(tag for tag in tags if _STATE.fullmatch(tag) and tag != "agent"),
        oldest=oldest,
        newest=newest,
    )
