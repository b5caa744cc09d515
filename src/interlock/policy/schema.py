"""The Cedar schema every bundle is validated against: nine verbs and `reveal`, on typed resources."""

from importlib.resources import files
from typing import Final

from cedarpy import Schema

from interlock.model import ObjectKind, PrincipalKind, Verb

# Package data, read once at import: part of the program, like its code.
SCHEMA_TEXT: Final = files("interlock.policy").joinpath("interlock.cedarschema").read_text("utf-8")
SCHEMA: Final = Schema.from_str(SCHEMA_TEXT)

REVEAL: Final = "reveal"
VERBS: Final = (*(verb.value for verb in Verb), REVEAL)

# The action groups of the schema, for slicing policies by verb at load.
GROUPS: Final = {
    "observe": frozenset({"read", REVEAL}),
    "write": frozenset({"create", "change", "delete"}),
    "structure": frozenset({"configure", "destroy"}),
}

RESOURCE_TYPES: Final = {kind: kind.value.capitalize() for kind in ObjectKind}
PRINCIPAL_TYPES: Final = {kind: kind.value.capitalize() for kind in PrincipalKind}
COLUMNS: Final = "Columns"
UNKNOWN: Final = RESOURCE_TYPES[ObjectKind.UNKNOWN]
