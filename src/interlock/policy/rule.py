"""One policy of a bundle: its meaning in Cedar and its closed set of annotations."""

import json
from collections.abc import Mapping
from typing import Final

from cedarpy import format_policies, policies_from_json_str
from msgspec import Struct

from interlock.policy.plan import Plan, parse_promise
from interlock.policy.schema import UNKNOWN
from interlock.policy.tree import Json, Tree, literals, reads, strings, verbs_of
from interlock.policy.world import Uid

SEVERITIES: Final = ("critical", "high", "medium", "low", "info")
ANNOTATIONS: Final = frozenset({"id", "title", "severity", "promise", "lift", "instead", "mode"})
# Reasons the judge gives by itself; no policy may take their names.
RESERVED: Final = frozenset({"default-deny", "engine-error", "not-understood", "unmet-promise", "canary"})


class Rule(Struct, frozen=True, kw_only=True):
    """A parsed policy. `verbs` are those its action scope reaches, `reads` the context paths it looks at,
    `compares` the strings it compares with. A shadow rule is evaluated and reported, and never decides."""

    id: str
    file: str
    effect: str
    title: str
    severity: str
    promise: Plan | None
    lifts: tuple[str, ...]
    instead: str | None
    shadow: bool
    tree: Tree
    verbs: frozenset[str]
    reads: frozenset[tuple[str, ...]]
    compares: frozenset[str]
    entities: frozenset[Uid]

    @property
    def forbids(self) -> bool:
        """Whether this is a forbid; the other effect is permit."""
        return self.effect == "forbid"

    @property
    def permits_unknown(self) -> bool:
        """Whether it says, in its scope, that it is about what nobody understands."""
        match self.tree["resource"]:
            case {"op": "is", "entity_type": str(kind)}:
                return not self.forbids and kind == UNKNOWN
        return False


def read_rule(file: str, tree: Tree) -> Rule:
    """Read one policy's annotations. Raises ValueError naming what is missing or not in the vocabulary."""
    notes = _annotations(tree.get("annotations"))
    if extra := sorted(notes.keys() - ANNOTATIONS):
        raise ValueError(f"`@{extra[0]}` is no annotation: use {', '.join(f'@{name}' for name in sorted(ANNOTATIONS))}")
    forbids = tree["effect"] == "forbid"
    return Rule(
        id=_identifier(notes),
        file=file,
        effect="forbid" if forbids else "permit",
        title=_required(notes, "title"),
        severity=_severity(notes, forbids),
        promise=_promise(_only_on_forbids(notes, "promise", forbids)),
        lifts=_lifts(_only_on_forbids(notes, "lift", forbids)),
        instead=notes.get("instead"),
        shadow=_shadow(notes),
        tree=tree,
        verbs=verbs_of(tree),
        reads=reads(tree),
        compares=strings(tree),
        entities=literals(tree),
    )


def steps(lift: str) -> frozenset[str]:
    """What holds when a lift is granted: two approvals are also one. `approval:dba-leads:2` -> {...:1, ...:2}."""
    kind, _, rest = lift.partition(":")
    group, _, count = rest.rpartition(":")
    if kind != "approval":
        return frozenset({lift})
    return frozenset(f"approval:{group}:{number}" for number in range(1, int(count) + 1))


def policy_text(policies: Mapping[str, Tree]) -> str:
    """Policies by id as one Cedar policy set in JSON form; text would lose the ids."""
    return json.dumps({"staticPolicies": dict(policies), "templates": {}, "templateLinks": []})


def cedar_text(rule: Rule) -> str:
    """One rule in Cedar's own syntax, laid out by Cedar."""
    return format_policies(policies_from_json_str(policy_text({rule.id: rule.tree})), line_width=100).strip()


def _annotations(found: Json) -> dict[str, str]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("its annotations cannot be read")
    return {name: text if isinstance(text, str) else "" for name, text in found.items()}


def _required(notes: dict[str, str], name: str) -> str:
    if not (text := notes.get(name, "").strip()):
        raise ValueError(f"`@{name}` is missing: every policy says what it is called")
    return text


def _identifier(notes: dict[str, str]) -> str:
    name = _required(notes, "id")
    if name in RESERVED:
        raise ValueError(f"`{name}` is a reason the judge gives itself: choose another @id")
    if not all(part.isalnum() and part.isascii() and part == part.lower() for part in name.split("-")):
        raise ValueError(f"`{name}` is no @id: use lower-case words joined by hyphens")
    return name


def _severity(notes: dict[str, str], forbids: bool) -> str:
    text = notes.get("severity", "" if forbids else "info")
    if text not in SEVERITIES:
        raise ValueError(f"`@severity` of a forbid is one of {', '.join(SEVERITIES)}, not `{text}`")
    return text


def _only_on_forbids(notes: dict[str, str], name: str, forbids: bool) -> str | None:
    if name in notes and not forbids:
        raise ValueError(f"`@{name}` belongs on a forbid: a promise or an approval lifts a forbid, it never permits")
    return notes.get(name)


def _promise(text: str | None) -> Plan | None:
    return None if text is None else parse_promise(text)


def _lifts(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    lifts = tuple(part.strip() for part in text.split(","))
    for lift in lifts:
        match lift.split(":"):
            case ["approval", group, count] if group and count in {str(number) for number in range(1, 10)}:
                continue
            case ["lease", name] if name:
                continue
        raise ValueError(f"`{lift}` is no lift: write approval:<group>:<1-9> or lease:<name>")
    return lifts


def _shadow(notes: dict[str, str]) -> bool:
    if notes.get("mode", "shadow") != "shadow":
        raise ValueError(f"`@mode` can only be shadow, not `{notes['mode']}`")
    return "mode" in notes
