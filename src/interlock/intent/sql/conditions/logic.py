"""Three-valued logic, and what cannot be said."""

from collections.abc import Sequence
from enum import Enum
from typing import Final


class Truth(Enum):
    """OPEN depends on the row, or on what is not known."""

    ALWAYS = "always"
    NEVER = "never"
    NULL = "null"
    OPEN = "open"


ALWAYS: Final = Truth.ALWAYS
NEVER: Final = Truth.NEVER
NULL: Final = Truth.NULL
OPEN: Final = Truth.OPEN
NOT: Final = {ALWAYS: NEVER, NEVER: ALWAYS, NULL: NULL, OPEN: OPEN}


def every(folded: Sequence[Truth]) -> Truth:
    """AND of all."""
    for decisive in (NEVER, OPEN, NULL):
        if decisive in folded:
            return decisive
    return ALWAYS


def some(folded: Sequence[Truth]) -> Truth:
    """OR of all."""
    return NOT[every([NOT[held] for held in folded])]
