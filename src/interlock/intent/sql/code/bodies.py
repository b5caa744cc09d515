"""What stored code does: bodies in SQL and static PL/pgSQL mean what their statements mean; all others stay opaque.

Names inside a body are looked up by the path of whoever calls it, or by the one that the function sets. A followed
write counts with unknown reach, since nobody knows how often the function runs.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace  # noqa: TID251 (mypyc compiles these)

from interlock.intent.sql.catalog.rows import Function
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.intent.sql.code import plpgsql
from interlock.intent.sql.code.functions import DANGEROUS
from interlock.intent.sql.gathered import MOST_FINDINGS
from interlock.intent.sql.limits import refuse_chains, refuse_copies, refuse_early
from interlock.intent.sql.parser import TooDeep, Unparsed, parse, statement_of
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reading import Follower, Reading, TooMuch
from interlock.intent.sql.shape import shape_of
from interlock.intent.sql.statement import Flow
from interlock.intent.sql.statements.settings import ALLOWED, ONLY
from interlock.intent.sql.tree import Node, unwrap, words
from interlock.model import Effect, Finding, FindingCode, Reach, Verb

Dispatch = Callable[[Reading, "Level | None", str, Node], None]
Path = tuple[str, ...]

# Extensions whose functions in C compute and reach nothing else. What they have in SQL and PL/pgSQL is followed like
# any other: PostGIS brings `DropGeometryTable`.
_COMPUTING = words(
    """pg_trgm unaccent fuzzystrmatch pgcrypto uuid-ossp hstore citext ltree intarray cube earthdistance isn seg
    btree_gin btree_gist bloom postgis vector tsm_system_rows tsm_system_time dict_int dict_xsyn h3 pg_uuidv7"""
)
_NATIVE = frozenset({"c", "internal"})
# A body with one of these does more than its effects say.
_UNCLEAR = frozenset(
    {
        FindingCode.DANGEROUS_FUNCTION,
        FindingCode.DYNAMIC,
        FindingCode.SETTING_REFUSED,
        FindingCode.NOT_MAPPED,
        FindingCode.OVER_LIMIT,
        FindingCode.MALFORMED,
        FindingCode.UNKNOWN_OBJECT,
    }
)
_ATOMIC = re.compile(r"\s*BEGIN ATOMIC\b(.*)\bEND\s*;?\s*", re.IGNORECASE | re.DOTALL)
_RETURN = re.compile(r"\s*RETURN\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Followed:
    """What one function does by itself: its effects, whether they are all of it, what was noticed about its statements,
    and the functions that it calls."""

    effects: tuple[Effect, ...] = ()
    findings: tuple[Finding, ...] = ()
    clear: bool = False
    writes: bool = False
    calls: tuple[tuple[str, str], ...] = ()
    path: Path = ()


_OPAQUE = Followed()


def follower(dispatch: Dispatch) -> Follower:
    """How `Reading.user_code` looks into bodies; `dispatch` understands one statement within a level."""

    def follow(reading: Reading, schema: str, name: str) -> list[tuple[tuple[str, str], bool]]:
        visited: dict[tuple[str, str, Path], bool] = {}
        waiting = [(schema, name, reading.path)]
        while waiting:
            key = waiting.pop()
            if key in visited:
                continue
            visited[key] = True
            for found in _functions(reading, dispatch, key):
                visited[key] = visited[key] and found.clear
                _adopt(reading, found)
                waiting.extend((*called, found.path) for called in found.calls)
        return [((schema, name), clear) for (schema, name, _), clear in visited.items()]

    return follow


def _functions(reading: Reading, dispatch: Dispatch, key: tuple[str, str, Path]) -> tuple[Followed, ...]:
    """What each function of this name does; the argument types are not resolved, so every overload counts."""
    known = reading.catalog.followed.get(key)
    if isinstance(known, tuple):
        return known
    schema, name, path = key
    named = [function for function in reading.catalog.functions.get(name, ()) if function.schema == schema]
    found = tuple(_read(reading, dispatch, function, path) for function in named) or (_OPAQUE,)
    reading.catalog.followed[key] = found
    return found


def _adopt(reading: Reading, found: Followed) -> None:
    reading.writes = reading.writes or found.writes
    for finding in found.findings:
        reading.note(finding.code, finding.message)
    for effect in found.effects:
        relation = reading.catalog.relation(*effect.object.path[1:]) if len(effect.object.path) == 3 else None
        fields = None if effect.fields is None else [field.name for field in effect.fields]
        reach = effect.reach if effect.verb is Verb.READ else Reach.UNKNOWN
        gathered = reading.add(effect.verb, effect.object, reach, *effect.findings, fields=fields, relation=relation)
        gathered.by_code = True
        if effect.verb is not Verb.READ and gathered.reach is not Reach.ALL:
            gathered.reach = Reach.UNKNOWN


def _read(reading: Reading, dispatch: Dispatch, function: Function, path: Path) -> Followed:
    if function.kind == "a":
        made_of = [(schema, name) for schema, name in function.calls if schema != "pg_catalog"]
        clear = all(schema != "pg_catalog" or name not in DANGEROUS for schema, name in function.calls)
        return Followed(clear=clear, calls=(*made_of, *_signature(reading.catalog, function)), path=path)
    if function.extension in _COMPUTING and function.language in _NATIVE:
        return Followed(clear=True, path=path)
    own = _own_path(function, path)
    if own is None or function.body is None:
        return _OPAQUE
    script = _script(function)
    if script is None:
        return _OPAQUE
    scope = replace(reading.scope, search_path=own)
    inner = Reading(scope, reading.limits, None, 0)
    inner.follows = False
    level = Level(None)
    level.answer = [(name, ()) for name in script.names]  # a variable is no column from outside
    try:
        if function.defaults is not None:
            _understand(inner, dispatch, level, f"SELECT {function.defaults}")
        for text in script.statements:
            _understand(inner, dispatch, level, text)
    except (Unparsed, TooDeep, TooMuch, RecursionError):
        return _OPAQUE
    found = _summary(inner, own, f"{function.schema}.{function.name}")
    return replace(found, calls=(*found.calls, *_signature(reading.catalog, function)))


def _signature(catalog: Catalog, function: Function) -> list[tuple[str, str]]:
    """What its arguments and its result run by their types alone: checks of domains, casts that nobody writes."""
    codes = [(code.schema, code.function) for dotted in function.types
             for code in catalog.type_code.get(dotted.partition(".")[2], ())
             if code.type_schema == dotted.partition(".")[0]]  # fmt: skip
    bare = {dotted.partition(".")[2] for dotted in function.types}
    return codes + [(cast.function_schema, cast.function) for cast in catalog.casts
                    if cast.target in bare and cast.context != "e" and cast.extension is None]  # fmt: skip


def _summary(inner: Reading, path: Path, name: str) -> Followed:
    effects, calls, clear = [], [], inner.understood and not inner.held
    for effect in inner.effects():
        if effect.verb is Verb.EXECUTE and effect.object.path[1:2] != ("pg_catalog",) and effect.object.known:
            calls.append((effect.object.path[1], effect.object.path[2]))
        elif any(finding.code in _UNCLEAR for finding in effect.findings):
            clear = False
        else:
            effects.append(effect)
    clear = clear and not any(finding.code in _UNCLEAR for finding in inner.findings)
    # Without their places: those are of the body, and the caller's text is another.
    noticed = [
        Finding(code=finding.code, message=f"inside `{name}`: {finding.message}")
        for finding in inner.findings
        if finding.code not in _UNCLEAR
    ]
    return Followed(
        effects=tuple(effects),
        findings=tuple(noticed[:MOST_FINDINGS]),
        clear=clear,
        writes=inner.writes,
        calls=tuple(calls),
        path=path,
    )


def _own_path(function: Function, path: Path) -> Path | None:
    """The path that names in the body are looked up by; None where the function sets something that matters."""
    for setting in function.settings:
        name, _, value = setting.partition("=")
        if name == "search_path":
            path = tuple(part.strip().strip('"') for part in value.split(",") if part.strip().strip('"'))
        elif name not in ALLOWED or name in ONLY:
            return None
    return path


def _script(function: Function) -> plpgsql.Script | None:
    body = function.body or ""
    names = frozenset({function.name, *(name for name in function.names if name)})
    if function.language == "sql":
        atomic = _ATOMIC.fullmatch(body)
        text = atomic[1] if atomic is not None else _RETURN.sub("SELECT ", body, count=1)
        return plpgsql.Script(statements=(text,), names=names)
    try:
        script = plpgsql.read(body)
    except plpgsql.Opaque:
        return None
    return plpgsql.Script(statements=script.statements, names=names | script.names)


def _understand(inner: Reading, dispatch: Dispatch, level: Level, text: str) -> None:
    shape = shape_of(text)
    if refuse_early(text, inner.limits) or refuse_chains(shape, inner.limits) or refuse_copies(shape, inner.limits):
        raise TooMuch("the body is too large")
    for raw in parse(text.encode()):
        kind, node = unwrap(statement_of(raw))
        dispatch(inner, level, kind, node)
    if inner.flow is not Flow.PLAIN:
        # It steers the session: what follows in the body may mean something else.
        raise TooMuch("the body changes its session")
