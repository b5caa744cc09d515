"""What no committed file may hold, and how long a file and a function may be."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.repository import PURE, ROOT, SOURCE, files_of_git, modules, named, tree

# Put together here: this file is searched too.
HOSTS = [
    f"{name}.{end}"
    for name, end in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("deb.debian", "org"),
        ("proxy.golang", "org"),
        ("ghcr", "io"),
        ("docker", "io"),
    ]
]
PLACES = [f"/{place}/" for place in ("work", "root", "home/[a-z]+", "opt/(wheels|pypi)", "Users/[a-z]+")]
UNFINISHED = ["TODO", "FIXME", "XXX", "NotImplementedError"]

FILE_LIMIT = 400
FUNCTION_LIMIT = 50
# What is longer, and why that is right: "path" or "path:function" -> reason.
LONGER: dict[str, str] = {}

WRITTEN_BY_US = [SOURCE, ROOT / "demo", ROOT / "benchmarks"]


@pytest.mark.parametrize("pattern", [re.escape(host) for host in HOSTS] + PLACES)
def test_no_file_names_a_registry_or_a_place_on_one_machine(pattern: str) -> None:
    wanted = re.compile(pattern.encode())
    assert [named(path) for path in files_of_git() if wanted.search(path.read_bytes())] == []


@pytest.mark.parametrize("word", UNFINISHED)
def test_nothing_is_left_for_later(word: str) -> None:
    wanted = re.compile(rf"\b{word}\b")
    assert [named(path) for path in modules(*WRITTEN_BY_US) if wanted.search(path.read_text())] == []


def test_floors_1_to_4_say_what_they_take_and_give() -> None:
    """`Any` switches the type checker off where meaning is decided."""
    found = []
    for path in modules(*(SOURCE / package for package in PURE)):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module == "typing":
                found += [named(path) for alias in node.names if alias.name == "Any"]
    assert found == []


def test_the_values_of_the_model_are_frozen_slotted_and_named() -> None:
    loose = []
    for path in modules(SOURCE / "model"):
        for found in [node for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]:
            for said in map(ast.unparse, found.decorator_list):
                options = {f"{option}=True" for option in ("frozen", "slots", "kw_only")}
                if said.startswith("dataclass") and not all(option in said for option in options):
                    loose.append(f"{named(path)}:{found.name}")
    assert loose == []


def test_files_and_functions_are_short() -> None:
    over = dict(_too_long())
    assert {name: lines for name, lines in over.items() if name not in LONGER} == {}
    assert sorted(set(LONGER) - set(over)) == [], "no longer an exception: take it off the list"


def _too_long() -> Iterator[tuple[str, int]]:
    for path in [ROOT / "dev.py", *modules(*WRITTEN_BY_US)]:
        lines = len(path.read_text().splitlines())
        if lines > FILE_LIMIT:
            yield named(path), lines
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LIMIT:
                    yield f"{named(path)}:{node.name}", length
