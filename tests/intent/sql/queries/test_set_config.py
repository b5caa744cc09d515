"""Several set_config of a statement: an application's own beside one that the server reads, never two of those."""

import pytest

from interlock.intent.sql.statement import Flow
from tests.intent.sql.shop import meaning


@pytest.mark.parametrize(
    "text",
    [
        "SELECT set_config('request.method', 'GET', true), set_config('search_path', 'app', true)",
        "SELECT set_config('search_path', 'app', true), set_config('request.method', 'GET', true)",
        "SELECT set_config('a.b', 'x', true), set_config('search_path', 'app', true), set_config('a.c', 'y', true)",
    ],
)
def test_the_one_that_the_server_reads_is_followed_wherever_it_stands(text: str) -> None:
    statement = meaning(text)
    assert statement.intent.understood
    assert (statement.flow, statement.name, statement.value, statement.local) == (Flow.SET, "search_path", "app", True)
    assert len(statement.intent.effects) == text.count("set_config")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT set_config('work_mem', '1MB', true), set_config('search_path', 'app', true)",
        "SELECT set_config('a.b', 'x', true), set_config('jit', 'off', true), set_config('search_path', 'app', true)",
        "SELECT set_config('jit', 'off', true), set_config('a.b', 'x', true), set_config('search_path', 'app', true)",
        "SELECT set_config('a.b', 'x', true), set_config('role', 'boss', true)",
        "SELECT set_config('a.b', 'x', true), set_config('plpgsql.check_asserts', 'off', true)",
        "SELECT set_config('a.b', 'x', true), set_config('ro' || 'le', 'boss', true)",
    ],
)
def test_two_of_them_are_not(text: str) -> None:
    assert not meaning(text).intent.understood
