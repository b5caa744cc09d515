"""One SQL statement of a text, with what it means and what it does to the session."""

from enum import StrEnum

import msgspec

from interlock.model import Intent


class Flow(StrEnum):
    """What a statement does to the conversation besides its effects; the gateway steers by it."""

    PLAIN = "plain"
    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    SAVEPOINT = "savepoint"
    RELEASE = "release"
    ROLLBACK_TO = "rollback-to"
    PREPARE_TRANSACTION = "prepare-transaction"
    COMMIT_PREPARED = "commit-prepared"
    ROLLBACK_PREPARED = "rollback-prepared"
    SET = "set"
    RESET = "reset"
    SHOW = "show"
    DISCARD = "discard"
    PREPARE = "prepare"
    EXECUTE = "execute"
    DEALLOCATE = "deallocate"
    DECLARE = "declare"
    FETCH = "fetch"
    CLOSE = "close"
    COPY_IN = "copy-in"
    COPY_OUT = "copy-out"
    LISTEN = "listen"
    UNLISTEN = "unlisten"
    NOTIFY = "notify"
    CONSTRAINTS = "constraints"


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is this statement alone, re-encoded from what was parsed; `span` its (start, end) in the whole text.

    `node` is the grammar's name ("SelectStmt"), "" where nothing could be parsed. `name` and `value` belong to
    `flow`: a setting and its value (None: the default; `?`: known only when it runs), a savepoint, a prepared
    statement, a cursor, a channel. `name` is None for "all" (RESET ALL, DEALLOCATE ALL, CLOSE ALL, DISCARD ALL).
    `local` marks SET LOCAL, `chain` COMMIT/ROLLBACK AND CHAIN. `writes` means it needs a READ WRITE transaction, `ddl`
    that it changes the catalogue, `transactional` False that it cannot run inside a transaction block. `held` marks a
    cursor WITH HOLD; `inner` is the statement that EXECUTE or FETCH stands for. Spans of findings count from the
    start of `text`. `places` say what goes in front of names of `text` when it is forwarded: at which character, and a
    schema with its dot.
    """

    text: str
    span: tuple[int, int]
    node: str
    intent: Intent
    flow: Flow = Flow.PLAIN
    name: str | None = None
    value: str | None = None
    local: bool = False
    chain: bool = False
    read_only: bool | None = None  # what BEGIN or SET TRANSACTION says about writing, None where it says nothing
    writes: bool = False
    ddl: bool = False
    transactional: bool = True
    held: bool = False
    inner: "Statement | None" = None
    places: tuple[tuple[int, str], ...] = ()
