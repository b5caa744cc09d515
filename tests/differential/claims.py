"""What the effects of a text claim, and what of the truth they leave out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from interlock.app.explaining import Explanation, verdict
from interlock.intent.sql.resolver import is_opaque, shown
from interlock.model import Verb, Verdict
from tests.differential.holding import Name
from tests.differential.touched import Touched

# Which claims cover rows of each kind being written: what empties or replaces a table covers every smaller write.
_COVERS: Final = {
    Verb.CREATE: {Verb.CREATE},
    Verb.CHANGE: {Verb.CHANGE},
    Verb.DELETE: {Verb.DELETE, Verb.DESTROY},
}
_WRITES: Final = {Verb.CREATE, Verb.CHANGE, Verb.DELETE, Verb.DESTROY}
_STRUCTURE: Final = {Verb.CONFIGURE, Verb.DESTROY, Verb.GRANT, Verb.EXECUTE}
# Loads and statistics of the server's own, which no statement is asked to name.
_OWN_CATALOGUES: Final = {"pg_statistic", "pg_statistic_ext_data"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The effects of a text by object. `opaque`: it runs code that may do anything, or is not understood at all, and
    production does not let it. `runs` is False for what opens tables as a writer and never writes: EXPLAIN, and MERGE
    that does nothing."""

    verbs: Mapping[Name, frozenset[Verb]]
    structural: bool
    opaque: bool
    allowed: bool
    runs: bool

    def says(self, verbs: Iterable[Verb], *names: Name) -> bool:
        """Whether one of these verbs is claimed on one of these objects, or on the schema or database that holds it."""
        wanted = set(verbs)
        for name in names:
            if wanted & self.verbs.get(name, frozenset()):
                return True
            if Verb.DESTROY in self.verbs.get(name[:1], frozenset()) | self.verbs.get((), frozenset()):
                return True
        return False


def claims(explained: list[Explanation]) -> Claims:
    """Everything a text claims; its statements stand together, as they do for the server."""
    effects = [effect for each in explained for effect in each.statement.intent.effects]
    verbs: dict[Name, set[Verb]] = {}
    for effect in effects:
        verbs.setdefault(effect.object.path[1:], set()).add(effect.verb)
    allowed = verdict(explained) is Verdict.ALLOW
    return Claims(
        verbs={name: frozenset(found) for name, found in verbs.items()},
        structural=any(effect.verb in _STRUCTURE for effect in effects),
        opaque=not allowed and any(is_opaque(each.statement) for each in explained),
        allowed=allowed,
        runs=any(each.statement.node not in {"ExplainStmt", "MergeStmt"} for each in explained),
    )


def untold(claimed: Claims, touched: Touched) -> list[str]:
    """What was touched and no effect says so; [] where the effects are the truth."""
    if claimed.opaque:
        return []
    missing: list[str] = []
    for name, verbs in touched.written.items():
        around = _around(touched, name)
        moved = {Verb.CHANGE} if _moves(touched, name) else set()
        missing += [
            f"{verb.value} {shown(name)}" for verb in sorted(verbs) if not claimed.says(_COVERS[verb] | moved, *around)
        ]
    for name in touched.opened - touched.written.keys() if claimed.runs else ():
        if not claimed.says(_WRITES | {Verb.CONFIGURE}, *_around(touched, name), *_below(touched, name)):
            missing.append(f"writes to {shown(name)}")
    for name in touched.locked:
        if not claimed.says(_WRITES | _STRUCTURE, *_around(touched, name), *_below(touched, name)):
            missing.append(f"locks {shown(name)}")
    for name in touched.read:
        if not claimed.says(Verb, (), *_around(touched, name), *_below(touched, name)):
            missing.append(f"reads {shown(name)}")
    if touched.catalogue - _OWN_CATALOGUES and not claimed.structural and not _WRITES & _all(claimed):
        missing.append(f"changes {', '.join(sorted(touched.catalogue))}")
    return sorted(missing)


def _moves(touched: Touched, name: Name) -> bool:
    """A row that moves between partitions is deleted from one and inserted into another: a change of what is above."""
    above = touched.above.get(name, frozenset())
    met = {
        verb
        for other, verbs in touched.written.items()
        if above & touched.above.get(other, frozenset())
        for verb in verbs
    }
    return met >= {Verb.CREATE, Verb.DELETE}


def _all(claimed: Claims) -> set[Verb]:
    return {verb for verbs in claimed.verbs.values() for verb in verbs}


def _around(touched: Touched, name: Name) -> list[Name]:
    return [name, *touched.above.get(name, ())]


def _below(touched: Touched, name: Name) -> list[Name]:
    """Whoever writes to a partition or an index also opens what it belongs to."""
    return [below for below, above in touched.above.items() if name in above]
