"""Counts that policies read: which, by whom, and on which side of a policy's constants a number falls."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from interlock.model import Usage
from interlock.policy.rule import Rule
from interlock.policy.tree import Json, Tree, nodes, path_of

# What is counted, and what people call it.
METRICS: Final[Mapping[str, str]] = {
    "commands": "commands",
    "denials": "denials",
    "violations": "violated constraints",
    "rowsRead": "rows read",
    "bytesRead": "bytes read",
    "rowsChanged": "rows changed",
    "sensitiveCells": "sensitive values read",
    "piiCells": "personal values read",
    "phiCells": "health values read",
    "pciCells": "values of cards read",
    "financialCells": "financial values read",
    "secretCells": "secret values read",
}
READ: Final = "rowsRead"  # how much of it a command adds is promised while it is judged
_SCOPES: Final[Mapping[str, str]] = {
    "recent": "",
    "recent.here": " on this target",
    "recent.own": " by this principal alone",
}
_WINDOWS: Final[Mapping[str, str]] = {"tenMinutes": "in the last ten minutes", "hour": "in the last hour"}
_WHEN: Final[Mapping[str, str]] = {"session": "in this session"} | {
    f"{scope}.{window}": said + where for scope, where in _SCOPES.items() for window, said in _WINDOWS.items()
}
# Every count a policy can read, by its name, in words: {"recent.hour.rowsChanged": "rows changed in the last hour"}.
COUNTS: Final[Mapping[str, str]] = {
    f"{when}.{metric}": f"{noun} {said}" for when, said in _WHEN.items() for metric, noun in METRICS.items()
}
_COMPARISONS: Final = frozenset({"<", "<=", ">", ">=", "==", "!="})


def counts_read(rule: Rule) -> frozenset[str]:
    """The names of the counts that a rule looks at."""
    return frozenset(".".join(path) for path in rule.reads) & COUNTS.keys()


def limits(tree: Json, name: str) -> tuple[int, ...]:
    """The constants that a policy compares a count with, in order."""
    return tuple(sorted({constant for found, constant in _compared(tree) if found == name}))


def with_counts(about: Tree, usage: Usage) -> Tree:
    """`session` and `recent` of a context: what is known of the counts, each in its place."""
    if not usage.counts:
        return {"session": about}
    known = dict(usage.counts)
    session = about | _used(known, "session")
    if all(name.startswith("session.") for name in known):
        return {"session": session}
    here, own = _windows(known, "recent.here"), _windows(known, "recent.own")
    return {"session": session, "recent": {**_windows(known, "recent"), "here": here, "own": own}}


def reading(context: Tree, rows: int | None) -> Tree:
    """The context where this command may read so many rows more; where nobody promised how many, nobody knows the
    sum."""
    return {name: _reading(part, rows) if name in ("session", "recent") else part for name, part in context.items()}


def _reading(part: Json, rows: int | None) -> Json:
    if not isinstance(part, dict):
        return part
    read = {name: _reading(inner, rows) for name, inner in part.items() if name != READ}
    before = part.get(READ)
    return read | {READ: before + rows} if isinstance(before, int) and rows is not None else read


def _windows(known: Mapping[str, int], scope: str) -> Tree:
    return {window: _used(known, f"{scope}.{window}") for window in _WINDOWS}


def _used(known: Mapping[str, int], when: str) -> Tree:
    return {metric: known[name] for metric in METRICS if (name := f"{when}.{metric}") in known}


class Sides(Struct, frozen=True, kw_only=True):
    """For each count the constants it is compared with; None where it is used in another way, so its value counts."""

    of: Mapping[str, tuple[int, ...] | None]

    @classmethod
    def in_rules(cls, rules: Iterable[Rule]) -> "Sides":
        """The constants of these rules. What a promise adds to rows read shifts each constant."""
        rules = tuple(rules)
        promised = {0, *(rule.promise.max_rows or 0 for rule in rules if rule.promise is not None)}
        sides: dict[str, tuple[int, ...] | None] = {}
        for name in frozenset[str]().union(*map(counts_read, rules)):
            constants = {constant for rule in rules for constant in limits(rule.tree, name)}
            if name.endswith(f".{READ}"):
                constants = {constant - rows for constant in constants for rows in promised}
            sides[name] = None if any(_used_otherwise(rule.tree, name) for rule in rules) else tuple(sorted(constants))
        return cls(of=sides)

    def __call__(self, usage: Usage) -> tuple[tuple[str, int], ...]:
        """Equal for two usages that no rule can tell apart."""
        return tuple([(name, self._side(name, count)) for name, count in usage.counts])

    def _side(self, name: str, count: int) -> int:
        constants = self.of.get(name, ())
        return count if constants is None else bisect_left(constants, count) + bisect_right(constants, count)


def _used_otherwise(tree: Json, name: str) -> bool:
    path = tuple(name.split("."))
    mentioned = sum(1 for node in nodes(tree) if "." in node and path_of(node) == path)
    return mentioned > sum(1 for found, _ in _compared(tree) if found == name)


def _compared(tree: Json) -> Iterator[tuple[str, int]]:
    """Every comparison of a path into the context with a constant."""
    for node in nodes(tree):
        for operator in _COMPARISONS & node.keys():
            match node[operator]:
                case {"left": left, "right": right}:
                    for one, other in ((left, right), (right, left)):
                        match other:
                            case {"Value": int(constant)} if path := path_of(one):
                                yield ".".join(path), constant
