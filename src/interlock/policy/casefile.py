"""The cases of a pack: what must be allowed, held or denied, written in YAML beside the policies."""

import re
from collections.abc import Hashable
from typing import Literal

import msgspec
import yaml

from interlock.model import Basis, FindingCode, ObjectKind, PrincipalKind, Reach, Verb, Verdict

_DEEPEST = 50  # levels of a case file


class _Closed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys are closed: a mistyped one is an error, not a case that tests less than it says."""


class WrittenTarget(_Closed, frozen=True, kw_only=True):
    """The target of all cases of a file; a case may name another environment."""

    name: str = "shop"
    environment: str = "prod"
    labels: frozenset[str] = frozenset()


class WrittenPrincipal(_Closed, frozen=True, kw_only=True):
    """One principal; `behalf` names the next one of its chain."""

    kind: PrincipalKind
    groups: frozenset[str] = frozenset()
    behalf: str | None = None


class WrittenObject(_Closed, frozen=True, kw_only=True):
    """One object, its path without the target, and the labels of its fields."""

    kind: ObjectKind
    path: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()
    known: bool = True
    fields: dict[str, frozenset[str]] = {}


class WrittenEffect(_Closed, frozen=True, kw_only=True):
    """One effect; `fields: all` means that nobody knows which."""

    verb: Verb
    object: str
    reach: Reach = Reach.SOME
    fields: tuple[str, ...] | Literal["all"] = ()
    findings: tuple[FindingCode, ...] = ()


class WrittenTouch(_Closed, frozen=True, kw_only=True):
    """Rows of one object that were touched."""

    verb: Verb
    object: str
    rows: int


class WrittenImpact(_Closed, frozen=True, kw_only=True):
    """A measured or estimated impact."""

    basis: Basis
    rows: int | None = None
    reversible: bool | None = None
    touched: tuple[WrittenTouch, ...] = ()


class WrittenLease(_Closed, frozen=True, kw_only=True):
    """A lease for a while: in force and covering the case, or `asked` for, and then the case is whether to lend it."""

    name: str
    seconds: int = 3600
    approvals: int = 0
    purpose: str | None = None
    ticket: str | None = None
    asked: bool = False


class WrittenCase(_Closed, frozen=True, kw_only=True):
    """One case. `reasons` must be among the decision's; `lifts` and `obligations`, where given, must be all of them.

    `offers` are the promises the gateway can keep; `granted` what holds from outside (`approval:dba-leads:2`). `usage`
    are counts by their names (`recent.hour.rowsChanged`); one that is left out is not known.
    """

    name: str
    who: str
    expect: Verdict
    effects: tuple[WrittenEffect, ...] = ()
    findings: tuple[FindingCode, ...] = ()
    understood: bool = True
    environment: str | None = None
    purpose: str | None = None
    offers: tuple[Literal["measured", "readOnly", "maxRows", "fuseRows", "form"], ...] = ("readOnly", "maxRows")
    impact: WrittenImpact | None = None
    granted: tuple[str, ...] = ()
    usage: dict[str, int] = {}
    lease: WrittenLease | None = None
    reasons: tuple[str, ...] = ()
    lifts: tuple[str, ...] | None = None
    obligations: tuple[str, ...] | None = None


class CaseFile(_Closed, frozen=True, kw_only=True):
    """One cases.yaml: a small world, and what must be decided in it."""

    cases: tuple[WrittenCase, ...]
    principals: dict[str, WrittenPrincipal]
    objects: dict[str, WrittenObject] = {}
    target: WrittenTarget = WrittenTarget()


def read_cases(text: str) -> CaseFile:
    """Read a cases.yaml. Raises ValueError that says where and what is wrong with it."""
    try:
        _refuse_what_grows(text)
        document: object = yaml.load(text, _Loader)
        return msgspec.convert(document, CaseFile, strict=True)
    except (yaml.YAMLError, msgspec.ValidationError, RecursionError) as error:
        raise ValueError(f"not a case file: {error}") from error


def _refuse_what_grows(text: str) -> None:
    """No aliases: a few lines of them expand to gigabytes. And no deeper than libyaml's own stack bears."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"aliases are not read here{event.start_mark}")
        if depth > _DEEPEST:
            raise yaml.YAMLError(f"there are more than {_DEEPEST} levels{event.start_mark}")


class _Loader(yaml.CSafeLoader):
    """Safe YAML with the few plain types of YAML 1.2: `on`, `yes` and dates are text, and a key stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        """A mapping whose keys are strings that do not repeat."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(None, None, "keys are plain text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"`{key.value}` stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# In PyYAML's own table `on:` is the key True.
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("int", r"^-?[0-9]+$", "-0123456789"),
    ("null", r"^(?:null|~|)$", "n~"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))
