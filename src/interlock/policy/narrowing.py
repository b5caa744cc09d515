"""A narrower bundle: each permit kept only for those, with that and in the way that it was used for."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from interlock.model import Case
from interlock.policy.judge import Judge
from interlock.policy.question import Question
from interlock.policy.rule import Rule, cedar_text
from interlock.policy.tree import Json, Tree
from interlock.policy.world import Uid, principal_uid

_ACTION: Final = "Action"
Use = tuple[Uid, str, Uid]  # who, verb, what


class Used(Struct, frozen=True, kw_only=True):
    """A case that was allowed, with what held for it besides its leases."""

    case: Case
    granted: frozenset[str]


def uses(judge: Judge, allowed: Iterable[Used]) -> dict[str, frozenset[Use]]:
    """For each permit what it has to go on permitting. Where several permit the same, the one that most rests on."""
    asked: list[tuple[Use, tuple[str, ...]]] = []
    for used in allowed:
        asked += [(_use(question), ids) for question, ids in judge.permits(used.case, used.granted)]
    often = Counter(name for _, ids in asked for name in ids)
    found: defaultdict[str, set[Use]] = defaultdict(set)
    for use, ids in asked:
        found[max(ids, key=lambda name: (often[name], name))].add(use)
    return {name: frozenset(of) for name, of in found.items()}


def narrowed(judge: Judge, used: Mapping[str, frozenset[Use]]) -> dict[str, str]:
    """The bundle's files with every forbid as it is, and of its permits only what was used of them.

    Narrower by construction: a permit gets one more condition, or is left out.
    """
    files: dict[str, list[str]] = {rule.file: [] for rule in judge.bundle.rules}
    for rule in judge.bundle.rules:
        if rule.forbids or rule.shadow:
            files[rule.file].append(cedar_text(rule))
        elif rule.id in used:
            files[rule.file].append(cedar_text(_only(rule, used[rule.id])))
    return {name: "\n\n".join(texts) + "\n" for name, texts in files.items() if texts}


def _use(question: Question) -> Use:
    return principal_uid(question.actor), question.verb, question.resource.uid


def _only(rule: Rule, of: frozenset[Use]) -> Rule:
    conditions = rule.tree["conditions"]
    kept: list[Json] = [*conditions] if isinstance(conditions, list) else []
    return replace(rule, tree={**rule.tree, "conditions": [*kept, {"kind": "when", "body": _condition(of)}]})


def _condition(of: frozenset[Use]) -> Tree:
    """Any of: these people, with these verbs, on these things; each set of one type, as strict validation asks."""
    things: defaultdict[tuple[Uid, str, str], set[Uid]] = defaultdict(set)
    for who, verb, what in of:
        things[who, verb, what[0]].add(what)
    verbs: defaultdict[tuple[Uid, frozenset[Uid]], set[str]] = defaultdict(set)
    for (who, verb, _), whats in things.items():
        verbs[who, frozenset(whats)].add(verb)
    people: defaultdict[tuple[str, frozenset[str], frozenset[Uid]], set[Uid]] = defaultdict(set)
    for (who, whats_), said in verbs.items():
        people[who[0], frozenset(said), whats_].add(who)
    ways = [
        _all(
            _among("principal", whos),
            _among("action", {(_ACTION, verb) for verb in said}),
            _among("resource", whats_),
        )
        for (_, said, whats_), whos in sorted(people.items(), key=lambda item: (sorted(item[1]), sorted(item[0][1])))
    ]
    return _folded("||", ways)


def _all(*parts: Tree) -> Tree:
    return _folded("&&", [*parts])


def _folded(operator: str, parts: list[Tree]) -> Tree:
    whole = parts[0]
    for part in parts[1:]:
        whole = {operator: {"left": whole, "right": part}}
    return whole


def _among(variable: str, uids: Iterable[Uid]) -> Tree:
    entities: list[Json] = [{"Value": {"__entity": {"type": kind, "id": name}}} for kind, name in sorted(uids)]
    return {"in": {"left": {"Var": variable}, "right": {"Set": entities}}}
