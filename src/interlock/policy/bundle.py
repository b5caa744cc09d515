"""A bundle: policies that were scanned, parsed, validated and linted together, and their digests."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Final

from cedarpy import policies_to_json_str, validate_policies
from msgspec import Struct

from interlock.model import OurFault
from interlock.policy.lint import NOTHING_KNOWN, Known, lint
from interlock.policy.rule import Rule, read_rule
from interlock.policy.scan import scan
from interlock.policy.schema import SCHEMA, SCHEMA_TEXT
from interlock.policy.tree import Json, Tree

CASES_SUFFIX: Final = "cases.yaml"


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a bundle; `policy` is None where a whole file is refused."""

    file: str
    policy: str | None
    text: str

    def __str__(self) -> str:
        where = f"{self.file}: `{self.policy}`" if self.policy else self.file
        return f"{where}: {self.text}"


class BundleRefused(OurFault):
    """A bundle that must not be activated, with every problem found. The one before it stays in force."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("policy bundle refused:\n" + "\n".join(f"  {problem}" for problem in problems))


class Bundle(Struct, frozen=True, kw_only=True):
    """Rules that may be activated, in the order of their ids.

    `digest` names the bytes of all files (`sha256:<hex>`), cases included; `semantic_digest` names what they mean:
    it survives comments and layout, and changes with the schema and the engine. `cases` maps file names to text.
    """

    rules: tuple[Rule, ...]
    digest: str
    semantic_digest: str
    cases: Mapping[str, str]

    @staticmethod
    def load(files: Mapping[str, str], known: Known = NOTHING_KNOWN) -> "Bundle":
        """Load `*.cedar` and `*cases.yaml` texts by file name; `known` are the entity ids that exist, by type.

        Raises BundleRefused with every problem of the first stage that finds any.
        """
        policies = {name: text for name, text in sorted(files.items()) if name.endswith(".cedar")}
        cases = {name: text for name, text in sorted(files.items()) if name.endswith(CASES_SUFFIX)}
        _refuse(
            Problem(file=name, policy=None, text="neither a *.cedar nor a *cases.yaml file: leave it out")
            for name in sorted(files.keys() - policies.keys() - cases.keys())
        )
        _refuse(
            Problem(file=name, policy=None, text=text)
            for name, source in policies.items()
            if (text := scan(source)) is not None
        )
        rules = _rules(policies)
        _refuse(Problem(file=rule.file, policy=rule.id, text=text) for rule in rules for text in lint(rule, known))
        return Bundle(
            rules=rules,
            digest=_digest(json.dumps(sorted(files.items()))),
            semantic_digest=_digest(
                json.dumps(
                    [version("cedarpy"), SCHEMA_TEXT, {rule.id: rule.tree for rule in rules}],
                    sort_keys=True,
                )
            ),
            cases=cases,
        )

    def rule(self, name: str) -> Rule | None:
        """The rule with this @id."""
        return next((rule for rule in self.rules if rule.id == name), None)


def _rules(policies: Mapping[str, str]) -> tuple[Rule, ...]:
    problems: list[Problem] = []
    rules: dict[str, Rule] = {}
    for file, source in policies.items():
        try:
            trees = _parse(source)
        except ValueError as error:
            problems.append(Problem(file=file, policy=None, text=f"not Cedar: {error}"))
            continue
        for tree in trees:
            try:
                rule = read_rule(file, tree)
            except ValueError as error:
                problems.append(Problem(file=file, policy=_id_of(tree), text=str(error)))
                continue
            if (first := rules.setdefault(rule.id, rule)) is not rule:
                problems.append(Problem(file=file, policy=rule.id, text=f"its @id is taken in {first.file}: rename it"))
        problems += _invalid(file, source)
    _refuse(problems)
    return tuple(rules[name] for name in sorted(rules))


def _parse(source: str) -> list[Tree]:
    document: Json = json.loads(policies_to_json_str(source))
    match document:
        case {"staticPolicies": dict() as policies, "templates": dict() as templates}:
            if templates:
                raise ValueError("templates (`?principal`, `?resource`) are not supported: write the policy out")
            return [tree for tree in policies.values() if isinstance(tree, dict)]
    raise ValueError("no policies")


def _invalid(file: str, source: str) -> list[Problem]:
    result = validate_policies(source, SCHEMA)
    names = result.id_annotations_by_policy_id
    return [
        Problem(file=file, policy=names.get(error.policy_id, error.policy_id) or None, text=error.error)
        for error in result.errors
    ]


def _id_of(tree: Tree) -> str | None:
    match tree.get("annotations"):
        case {"id": str(name)}:
            return name
    return None


def _refuse(problems: Iterable[Problem]) -> None:
    if found := tuple(problems):
        raise BundleRefused(found)


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
