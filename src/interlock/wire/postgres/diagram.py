"""Draws docs/reference/postgres-protocol.md from the tables in states.py and answers.py."""

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from interlock.wire.postgres.answers import ANSWERS, UNASKED
from interlock.wire.postgres.kinds import CLIENT_NAMES, SERVER_NAMES
from interlock.wire.postgres.states import PHASES, TEACHING, Handling, Phase, Turn

PATH: Final = "docs/reference/postgres-protocol.md"

_INTRODUCTION: Final = """\
# The order of the PostgreSQL protocol

This page is drawn from the tables in `src/interlock/wire/postgres/states.py` and `answers.py`; a test compares
them. Write it anew with `python -m interlock.wire.postgres.diagram > docs/reference/postgres-protocol.md`.
"""

_PHASES: Final = """\
## What a client may send when

Names in *italics* are turns of the server or of ourselves. `act` = judge it and stay in the phase, an arrow =
judge it and go on to that phase, `drop` = read and ignore it, `wait` = leave it unread until the phase changes,
nothing = end the connection with SQLSTATE 08P01 and the phase's sentence from below.
"""

_ANSWERS: Final = """\
## What a server owes in answer

Any number of the messages in the middle, then one of the right. An ErrorResponse ends every request that does not
list it, and makes everything up to the next Sync void.
"""


def draw() -> str:
    """The whole page as Markdown with a Mermaid state diagram."""
    parts = (_INTRODUCTION, _PHASES, _mermaid(), _matrix(), _sentences(), _ANSWERS, _answer_table(), _unasked())
    return "\n".join(parts)


def _mermaid() -> str:
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> startup"]
    for phase, row in PHASES.items():
        arrows = [
            (step.phase, _event(event))
            for event, step in row.items()
            if step.phase is not phase and event is not Turn.LEFT
        ]
        for target, group in groupby(sorted(arrows, key=lambda arrow: arrow[0]), key=lambda arrow: arrow[0]):
            lines.append(f"    {_node(phase)} --> {_node(target)}: {', '.join(name for _, name in group)}")
    return "\n".join([*lines, "    closed --> [*]", "```", ""])


def _node(phase: Phase) -> str:
    return phase.replace("-", "_")


def _event(event: int | Turn) -> str:
    return event.value if isinstance(event, Turn) else CLIENT_NAMES[event]


def _matrix() -> str:
    open_phases = [phase for phase in Phase if phase not in (Phase.STARTUP, Phase.CLOSED)]
    lines = [f"| | {' | '.join(open_phases)} |", "|---" * (len(open_phases) + 1) + "|"]
    for event in (*CLIENT_NAMES, *Turn):
        name = f"*{event}*" if isinstance(event, Turn) else CLIENT_NAMES[event]
        lines.append(f"| {name} | {' | '.join(_cell(phase, event) for phase in open_phases)} |")
    return "\n".join([*lines, ""])


def _cell(phase: Phase, event: int | Turn) -> str:
    step = PHASES[phase].get(event)
    if step is None:
        return ""
    if step.handling is not Handling.ACT:
        return step.handling.value
    return "act" if step.phase is phase else f"→ {step.phase}"


def _sentences() -> str:
    return "\n".join([*(f"- {phase}: ... does not belong {'; '.join(told)}" for phase, told in TEACHING.items()), ""])


def _answer_table() -> str:
    lines = ["| request | any number of | then one of |", "|---|---|---|"]
    for request, rule in ANSWERS.items():
        lines.append(f"| {CLIENT_NAMES[request]} | {_names(rule.may)} | {_names(rule.ends)} |")
    return "\n".join([*lines, ""])


def _unasked() -> str:
    return f"{_names(UNASKED)} belong to no request and may come at any time.\n"


def _names(kinds: Iterable[int]) -> str:
    return ", ".join(sorted(SERVER_NAMES[kind] for kind in kinds))


if __name__ == "__main__":
    import sys

    sys.stdout.write(draw())
