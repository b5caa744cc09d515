"""Prepared statements and portals of one session, as the target holds them."""

from collections.abc import Iterable
from functools import partial
from typing import TypeVar

from interlock.gateways.postgres.answering.due import Due, Show
from interlock.gateways.postgres.planning.rewriting import forwarded
from interlock.gateways.postgres.planning.steps import Portal
from interlock.intent.sql.statement import Flow, Statement
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import Part, build_close, build_parse


class Names:
    """Statements and portals by name; SQL's PREPARE and DECLARE share them with Parse and Bind.

    What the target confirmed counts. What was sent and is not confirmed yet is kept with the number of its group,
    for the messages behind it in the same group: they run only if it did. None stands for a name that was closed.
    A name that is there is not replaced, because the target refuses that (the unnamed ones excepted).
    """

    def __init__(self) -> None:
        self._statements: dict[str, Statement] = {}
        self._portals: dict[str, Portal] = {}
        self._sent_statements: dict[str, tuple[int, Statement | None]] = {}
        self._sent_portals: dict[str, tuple[int, Portal | None]] = {}
        self._types: dict[str, tuple[int, ...]] = {}
        self._upstream: dict[str, str] = {}  # texts that the target still has, of statements that moved

    @property
    def any_named(self) -> bool:
        """Whether something is held that code could replace."""
        return any(self._statements) or any(p.statement.flow is Flow.DECLARE for p in self._portals.values())

    def statement(self, name: str) -> Statement | None:
        """The statement that the next message will find under this name."""
        sent = self._sent_statements.get(name)
        return sent[1] if sent is not None else self._statements.get(name)

    def types(self, name: str) -> tuple[int, ...]:
        """What the client declared the parameters of the statement of this name to be."""
        return self._types.get(name, ())

    def portal(self, name: str) -> Portal | None:
        """The portal that the next message will find under this name."""
        sent = self._sent_portals.get(name)
        return sent[1] if sent is not None else self._portals.get(name)

    def statements(self) -> dict[str, Statement]:
        """What SQL's EXECUTE can name."""
        merged = self.all_statements()
        return {n: s for n, s in merged.items() if not self._moved(n)} if self._upstream else merged

    def all_statements(self) -> dict[str, Statement]:
        """What Bind can name, too: there a statement that moved is parsed again."""
        return _merged(self._statements, self._sent_statements)

    def cursors(self) -> dict[str, Statement]:
        """What SQL's FETCH can name."""
        portals = _merged(self._portals, self._sent_portals)
        return {name: portal.statement for name, portal in portals.items()}

    def uncertain(self, group: int) -> bool:
        """Whether a name that was sent hangs on a group before this one, which may still fail."""
        for sent in (self._sent_statements, self._sent_portals):
            for sent_by, _ in sent.values():
                if sent_by != group:
                    return True
        return False

    def uncertain_statement(self, group: int, name: str) -> bool:
        """Whether that is so of the statement of this name."""
        sent = self._sent_statements.get(name)
        return sent is not None and sent[0] != group

    def uncertain_portal(self, group: int, name: str) -> bool:
        """Whether that is so of the portal of this name."""
        sent = self._sent_portals.get(name)
        return sent is not None and sent[0] != group

    def send_statement(self, group: int, name: str, statement: Statement, types: tuple[int, ...] = ()) -> None:
        """Parse or PREPARE is on its way; `types` are OIDs of parameters."""
        if not name or self.statement(name) is None:
            self._sent_statements[name] = (group, statement)
            self._types[name] = types

    def send_portal(self, group: int, name: str, portal: Portal) -> None:
        """Bind or DECLARE is on its way."""
        if not name or self.portal(name) is None:
            self._sent_portals[name] = (group, portal)

    def send_close_statement(self, group: int, name: str) -> None:
        """Close or DEALLOCATE is on its way."""
        self._sent_statements[name] = (group, None)

    def send_close_portal(self, group: int, name: str) -> None:
        """Close of a portal or cursor is on its way."""
        self._sent_portals[name] = (group, None)

    def hold_statement(self, name: str, statement: Statement) -> None:
        """The target confirmed a Parse or PREPARE."""
        self._statements[name] = statement
        self._upstream.pop(name, None)

    def hold_portal(self, name: str, portal: Portal) -> None:
        """The target confirmed a Bind or DECLARE."""
        self._portals[name] = portal

    def reread_statement(self, name: str, statement: Statement) -> None:
        """A prepared statement means something else now; it has moved where other text must be forwarded for it."""
        known = self.statement(name)
        if known is not None and forwarded(known) != forwarded(statement):
            self._upstream.setdefault(name, forwarded(known))
        sent = self._sent_statements.get(name)
        if sent is not None:
            self._sent_statements[name] = (sent[0], statement)
        if name in self._statements:
            self._statements[name] = statement

    def again(self, name: str) -> tuple[bytes, tuple[Due, ...]]:
        """What goes in front of a Bind of this name: Close and Parse, where its names are found elsewhere by now."""
        statement = self.statement(name)
        if statement is None or not self._moved(name):
            return b"", ()
        parse = build_parse(name, forwarded(statement), self._types.get(name, ()))
        held = partial(self.hold_statement, name, statement)
        parsed = Due(kinds.PARSE, Show.NOTHING, statement=statement, done=held)
        return build_close(Part.STATEMENT, name) + parse, (Due(kinds.CLOSE, Show.NOTHING), parsed)

    def _moved(self, name: str) -> bool:
        """Whether the target has it with another text than it would be forwarded with now."""
        upstream, statement = self._upstream.get(name), self.statement(name)
        return upstream is not None and statement is not None and upstream != forwarded(statement)

    def keep_only(self, held: Iterable[str]) -> None:
        """Forget what is not made of the text that was judged: code may have put another in its place.

        `held` are the target's own: `s` or `c`, the name, \\x01, and the text it was made of.
        """
        texts = {entry.partition("\x01")[0]: entry.partition("\x01")[2] for entry in held}
        for name, statement in list(self._statements.items()):
            if name and texts.get(f"s{name}") != self._upstream.get(name, forwarded(statement)):
                del self._statements[name]
        for name, portal in list(self._portals.items()):
            if portal.statement.flow is Flow.DECLARE and texts.get(f"c{name}") != forwarded(portal.statement):
                del self._portals[name]

    def drop_statement(self, name: str | None) -> None:
        """The target confirmed a Close or DEALLOCATE; None is all of them."""
        if name is None:
            self._statements.clear()
            self._upstream.clear()
        else:
            self._statements.pop(name, None)
            self._upstream.pop(name, None)

    def drop_portal(self, name: str | None) -> None:
        """The target confirmed a Close of a portal; None is all of them."""
        if name is None:
            self._portals.clear()
        else:
            self._portals.pop(name, None)

    def drop_unnamed(self) -> None:
        """A simple Query destroys the unnamed statement and the unnamed portal, whatever becomes of it."""
        for names in (self._statements, self._portals, self._sent_statements, self._sent_portals):
            names.pop("", None)

    def drop_all(self) -> None:
        """The target confirmed DISCARD ALL."""
        self.drop_statement(None)
        self.drop_portal(None)

    def group_over(self, group: int, idle: bool) -> None:
        """ReadyForQuery: what the group did not confirm never came to be; outside a transaction portals are gone."""
        if self._sent_statements:
            self._sent_statements = {n: sent for n, sent in self._sent_statements.items() if sent[0] > group}
        if self._sent_portals:
            self._sent_portals = {n: sent for n, sent in self._sent_portals.items() if sent[0] > group}
        if idle and self._portals:
            self._portals = {name: portal for name, portal in self._portals.items() if portal.statement.held}


_Named = TypeVar("_Named")


def _merged(held: dict[str, _Named], sent: dict[str, tuple[int, _Named | None]]) -> dict[str, _Named]:
    merged = held | {name: value for name, (_, value) in sent.items() if value is not None}
    return {name: value for name, value in merged.items() if name not in sent or sent[name][1] is not None}
