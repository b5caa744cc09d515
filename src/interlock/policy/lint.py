"""What Cedar's validator does not notice: mistyped entities, promises and lifts that do not lift."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias
from unicodedata import is_normalized

from interlock.policy.assume import Assumption, lifted
from interlock.policy.plan import NOTHING_PROMISED, PROMISES
from interlock.policy.rule import Rule, steps
from interlock.policy.schema import REVEAL
from interlock.policy.world import CATALOG, LABEL_PARENTS, LESSER_ENVIRONMENTS, STRICTEST_ENVIRONMENT, entity_id

# Entity ids that exist, by entity type: {"Environment": {"prod"}, "Label": {...}, "Group": {...}}. A type that is
# not a key is not checked.
Known: TypeAlias = Mapping[str, frozenset[str]]
NOTHING_KNOWN: Final[Known] = MappingProxyType({})


def known_entities(*, environments: Iterable[str], labels: Iterable[str], targets: Iterable[str]) -> Known:
    """What a configuration defines, with what is built in: the entity ids a policy may name. Groups are not
    checked: they belong to the identity provider."""
    return {
        "Environment": frozenset({*environments, *LESSER_ENVIRONMENTS, STRICTEST_ENVIRONMENT}),
        "Label": frozenset({*labels, *LABEL_PARENTS, CATALOG}).union(*LABEL_PARENTS.values()),
        "Target": frozenset(entity_id((name,)) for name in targets),
    }


def lint(rule: Rule, known: Known) -> Iterator[str]:
    """Problems of one rule that make it mean something else than it says; each ends with what to do."""
    yield from _unknown_entities(rule, known)
    yield from _promises(rule)
    yield from _lifts(rule)


def _unknown_entities(rule: Rule, known: Known) -> Iterator[str]:
    for kind, name in sorted(rule.entities):
        if not is_normalized("NFC", name):
            yield f'`{kind}::"{name}"` is not in Unicode form NFC and would never match: write it composed'
        elif kind in known and name not in known[kind]:
            yield f'`{kind}::"{name}"` does not exist here and would never match: one of {_listed(known[kind])}'


def _promises(rule: Rule) -> Iterator[str]:
    read = {path[1] for path in rule.reads if path[0] == "plan" and len(path) > 1}
    promised = rule.promise.kinds() if rule.promise else frozenset()
    for name in sorted(read - promised):
        if rule.forbids:
            yield f"reads `context.plan.{name}` without a matching @promise: nothing would ever promise it"
        else:
            yield f"a permit reads `context.plan.{name}`: write a forbid that a @promise lifts instead"
    for name in sorted(promised & PROMISES - read):
        yield f'@promise("{name}") lifts nothing: no condition reads `context.plan.{name}`'
    if "form" in promised and rule.verbs != {REVEAL}:
        yield '@promise("form=...") answers the question `reveal` alone: use `action == Action::"reveal"`'
    if rule.promise and promised <= read and not _lifts_when_assumed(rule):
        yield "its @promise, when made, does not lift it: compare the annotation with the condition"


def _lifts(rule: Rule) -> Iterator[str]:
    if rule.lifts and not _lifts_when_granted(rule):
        yield "its @lift, when granted, does not lift it: add `unless { context.lifts.contains(...) }`"
    looked_for = {text for text in rule.compares if text.startswith(("approval:", "lease:"))}
    for text in sorted(looked_for - set(rule.lifts)):
        yield f'waits for `{text}` without @lift("{text}"): nobody would ever be asked for it'


def _lifts_when_assumed(rule: Rule) -> bool:
    before = Assumption(plan=NOTHING_PROMISED, lifts=frozenset())
    after = Assumption(plan=rule.promise or NOTHING_PROMISED, lifts=frozenset())
    return lifted(rule.tree, before, after)


def _lifts_when_granted(rule: Rule) -> bool:
    before = Assumption(plan=NOTHING_PROMISED, lifts=frozenset())
    granted = frozenset[str]().union(*(steps(lift) for lift in rule.lifts))
    return lifted(rule.tree, before, Assumption(plan=NOTHING_PROMISED, lifts=granted))


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"
