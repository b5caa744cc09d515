"""CREATE, ALTER and DROP."""

from collections.abc import Callable

from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.tree import Node

STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {}
