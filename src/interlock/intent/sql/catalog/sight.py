"""What names without a schema mean along one search path: worked out once for a catalogue, since neither changes."""

from collections.abc import Mapping, Sequence

from interlock.intent.sql.catalog import rows
from interlock.intent.sql.catalog.relation import Relation


class Sight:
    """`path` holds the schemas searched, in order. `operators` are those of users that a bare name can mean;
    `shadowed` says that one of them may stand for the built-in `=`."""

    __slots__ = ("_relations", "_schemas", "operators", "path", "shadowed")

    def __init__(
        self,
        path: tuple[str, ...],
        relations: Mapping[str, Mapping[str, Relation]],
        operators: Mapping[str, Sequence[rows.Operator]],
    ) -> None:
        self.path = path
        self._schemas = [relations[schema] for schema in path if schema in relations]
        self._relations: dict[str, Relation] = {}
        self.operators: dict[str, tuple[rows.Operator, ...]] = {}
        for name, listed in operators.items():
            reached = tuple([o for o in listed if o.schema in path and o.stands_in])
            if reached:
                self.operators[name] = reached
        self.shadowed = any(o.schema in path and not o.own_types for o in operators.get("=", ()))

    def relation(self, name: str) -> Relation | None:
        """The first relation of this name along the path, or None."""
        found = self._relations.get(name)
        if found is None:
            for held in self._schemas:
                found = held.get(name)
                if found is not None:
                    self._relations[name] = found
                    break
        return found
