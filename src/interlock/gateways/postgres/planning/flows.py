"""What a statement does to the session it runs in, and so what the gateway must do around it."""

from collections.abc import Set as AbstractSet
from enum import Enum, auto
from typing import Final

from msgspec.structs import replace

from interlock.gateways.postgres.planning.steps import Unit
from interlock.gateways.postgres.sending.weighing import weighable
from interlock.gateways.postgres.target import owned
from interlock.intent.sql.statement import Flow, Statement
from interlock.model import Confine, Fuse, Intent, Limit, Measure, ObjectKind, Obligation, Verb

_COPY_OUT: Final = Flow.COPY_OUT
_ALONE: Final = Flow.PLAIN
_EXECUTE: Final = Verb.EXECUTE
_SHOW: Final = Flow.SHOW
_CONSTRAINTS: Final = Flow.CONSTRAINTS
# After these the transaction state, a setting or the catalogue is another: wait for the target, then read on.
SETTLING: Final = frozenset(
    {
        Flow.BEGIN,
        Flow.COMMIT,
        Flow.ROLLBACK,
        Flow.ROLLBACK_TO,
        Flow.PREPARE_TRANSACTION,
        Flow.COMMIT_PREPARED,
        Flow.ROLLBACK_PREPARED,
        Flow.SET,
        Flow.RESET,
        Flow.DISCARD,
        Flow.DEALLOCATE,
    }
)

_NAMING: Final = frozenset(
    {
        Flow.PREPARE,
        Flow.EXECUTE,
        Flow.DEALLOCATE,
        Flow.DECLARE,
        Flow.FETCH,
        Flow.CLOSE,
        Flow.SAVEPOINT,
        Flow.RELEASE,
        Flow.ROLLBACK_TO,
    }
)

# Flows that change no name and need nothing around them.
_PLAIN: Final = frozenset(
    {
        Flow.PLAIN,
        Flow.SHOW,
        Flow.COPY_OUT,
        Flow.BEGIN,
        Flow.COMMIT,
        Flow.ROLLBACK,
        Flow.SAVEPOINT,
        Flow.RELEASE,
        Flow.ROLLBACK_TO,
    }
)

# COPY cannot be cut at a number of rows without ending the connection: there only Confine can be kept.
OFFERED: Final[frozenset[type[Obligation]]] = frozenset({Confine, Limit})
# What runs inside a transaction can be counted before that lands.
OFFERED_INSIDE: Final[frozenset[type[Obligation]]] = OFFERED | {Measure}
_OFFERED_WEIGHED: Final[frozenset[type[Obligation]]] = OFFERED | {Fuse}
_OFFERED_INSIDE_WEIGHED: Final[frozenset[type[Obligation]]] = OFFERED_INSIDE | {Fuse}
OFFERED_FOR_COPY: Final[frozenset[type[Obligation]]] = frozenset({Confine})

# What an approval can be bound to: statements that say all they mean themselves, and bring no data behind them.
APPROVABLE: Final = frozenset({Flow.PLAIN, Flow.COPY_OUT})

_NOTHING: Final = Intent(effects=(), returns=(), findings=(), understood=True, shape="", fingerprint="")
EMPTY_STATEMENT: Final = Statement(text="", span=(0, 0), node="", intent=_NOTHING)


# They run nothing of what they name: it is counted when that is run.
_ONLY_NAMED: Final = frozenset({Flow.PREPARE, Flow.DECLARE})
# Before these a measured unit is judged: they end it, or undo a part of it, and then nothing could be withheld.
ENDING: Final = frozenset({Flow.COMMIT, Flow.ROLLBACK, Flow.ROLLBACK_TO})


def offered(statement: Statement) -> frozenset[type[Obligation]]:
    """The obligations that the gateway can honour for a statement."""
    if statement.flow is _COPY_OUT:
        return OFFERED_FOR_COPY
    if weighable(statement):
        return _OFFERED_INSIDE_WEIGHED if statement.transactional else _OFFERED_WEIGHED
    return OFFERED_INSIDE if statement.transactional else OFFERED


def may_write(statement: Statement) -> bool:
    """Whether running it may change something: rows, structure, or what code of the target's does."""
    if statement.flow in _ONLY_NAMED and not runs_code(statement):
        return False
    return statement.writes or runs_code(statement) or statement.flow is _CONSTRAINTS


class Stale(Enum):
    """What a session must ask the target about again."""

    PATH = auto()  # search_path
    NAMES = auto()  # our own prepared statements are gone
    CATALOGUE = auto()
    PINS = auto()  # code ran that may have changed settings


AFTER_CODE: Final = frozenset({Stale.PINS, Stale.PATH})
_NOTHING_STALE: Final[frozenset[Stale]] = frozenset()


def reserved(statement: Statement) -> bool:
    """Whether it names something of the gateway's own on this session: a statement, a portal or a savepoint."""
    return statement.flow in _NAMING and (statement.name or "").startswith(owned.PREFIX)


def prepared(statement: Statement) -> Statement:
    """What a PREPARE leaves under its name: the same meaning, to be run by EXECUTE or by Bind."""
    return replace(statement, flow=Flow.PLAIN, name=None)


def made_stale(statement: Statement) -> AbstractSet[Stale]:
    """What the session cannot rely on once the statement has run."""
    if statement.flow is _ALONE and not statement.ddl and not runs_code(statement):
        return _NOTHING_STALE
    stale: set[Stale] = set()
    if statement.ddl:
        stale.add(Stale.CATALOGUE)
    if statement.flow in (Flow.DISCARD, Flow.DEALLOCATE) and statement.name is None:
        stale.add(Stale.NAMES)
    path = statement.flow in (Flow.SET, Flow.RESET) and statement.name in (None, "search_path")
    if path or statement.flow in (Flow.DISCARD, Flow.ROLLBACK, Flow.ROLLBACK_TO):
        stale.add(Stale.PATH)
    if runs_code(statement):
        stale |= AFTER_CODE
    return stale


def runs_code(statement: Statement) -> bool:
    """Whether code of the target's runs: at Parse already, or at Bind, or when it is executed (threats.md 1, 10)."""
    return _EXECUTE in [effect.verb for effect in statement.intent.effects]


def marks(statement: Statement) -> bool:
    """Whether it may leave in the session what no list of settings shows: code ran, or settings only code knows of."""
    if runs_code(statement):
        return True
    named = [effect.object.path[-1] for effect in statement.intent.effects if effect.object.kind is ObjectKind.SETTING]
    return statement.flow is not _SHOW and "." in "".join((*named, statement.name or ""))


def changes_meaning(statement: Statement) -> bool:
    """Whether what is read next may mean something else once this has run (postgres.md, "Barriers")."""
    return bool(made_stale(statement))


def stands_alone(statement: Statement, unit: Unit) -> bool:
    """Whether nothing has to be put around it and no name has to be followed: it may go upstream as one Query."""
    return (unit.explicit or not (statement.writes or unit.begun or unit.statements > 1)) and statement.flow in _PLAIN
