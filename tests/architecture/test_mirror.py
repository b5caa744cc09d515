"""The test tree mirrors the source tree, and what the documents name exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, SOURCE, TESTS, modules, named

# Folders of tests that belong to no package: they run several floors, or the repository itself.
ACROSS = {
    "architecture", "attacks", "benchmarks", "corpus", "conformance", "demo", "differential", "fuzz",
    "lent", "measured", "stories",
}  # fmt: skip

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def packages() -> set[Path]:
    """The packages below src/interlock that hold code of their own."""
    return {path.parent.relative_to(SOURCE) for path in modules(SOURCE) if path.name != "__init__.py"} - {Path()}


def test_every_package_is_tested() -> None:
    """By a folder of its name; a package inside another may have its tests beside its parent's, as test_<name>*.py."""
    untested = [package for package in packages() if not list(_tests_of(package))]
    assert [package.as_posix() for package in sorted(untested)] == []


def _tests_of(package: Path) -> Iterator[Path]:
    yield from (TESTS / package).rglob("test_*.py")
    if len(package.parts) > 1:
        yield from (TESTS / package.parent).glob(f"test_{package.name}*.py")


def test_every_folder_of_tests_has_its_package() -> None:
    folders = {path.parent.relative_to(TESTS) for path in modules(TESTS) if path.name.startswith("test_")}
    strays = [folder for folder in folders if folder.parts[0] not in ACROSS and not (SOURCE / folder).is_dir()]
    assert [folder.as_posix() for folder in sorted(strays)] == []


def test_every_folder_of_tests_is_a_package() -> None:
    """Else two files of one name in two folders shadow each other."""
    folders = {path.parent for path in modules(TESTS)}
    assert [named(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_what_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    paths = re.findall(r"(?<![\w/.<-])((?:src|tests|docs|policies|demo|benchmarks)/[\w./-]*\w)", text)
    links = [target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target]
    missing = [path for path in paths if not (ROOT / path).exists()]
    missing += [target for target in links if not (document.parent / target).exists()]
    assert missing == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
