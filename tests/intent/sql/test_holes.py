"""What stands in the holes of a template, bound or written out; and what is another statement."""

import pytest

from interlock.intent.sql.holes import fill, holes_of

PURGE = "DELETE FROM items WHERE id = $1 AND name = 'x'"


def written(template: str, text: str) -> tuple[str | int | None, ...] | None:
    return fill(template, text, (), (), ())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("DELETE FROM items WHERE id = 7 AND name = 'x'", (7,)),
        ("DELETE  FROM items -- now\nWHERE id = 7 AND name = 'x'", (7,)),
        ("DELETE FROM items WHERE id = '7' AND name = 'x'", ("7",)),
        ("DELETE FROM items WHERE id = 7.5 AND name = 'x'", (None,)),
        ("DELETE FROM items WHERE id = E'7' AND name = 'x'", (None,)),
        ("DELETE FROM items WHERE id = -7 AND name = 'x'", None),
        ("DELETE FROM items WHERE id = 7 AND name = 'y'", None),
        ("DELETE FROM items WHERE id = 7 OR name = 'x'", None),
        ("DELETE FROM items WHERE id = 7 AND name = 'x' OR 1 = 1", None),
        ("DELETE FROM items WHERE id = id AND name = 'x'", None),
        ("DELETE FROM \"items\" WHERE id = 7 AND name = 'x'", None),
        ("DELETE FROM items WHERE id = $1 AND name = 'x'", None),  # a hole that nobody filled
    ],
)
def test_literals(text: str, values: tuple[object, ...] | None) -> None:
    assert written(PURGE, text) == values


def test_a_hole_that_stands_twice_is_filled_alike() -> None:
    template = "UPDATE items SET id = $2 WHERE id = $1 OR id = $1"
    assert written(template, "UPDATE items SET id = 1 WHERE id = 2 OR id = 2") == (2, 1)
    assert written(template, "UPDATE items SET id = 1 WHERE id = 2 OR id = 3") is None


@pytest.mark.parametrize(
    ("value", "kind", "how", "said"),
    [
        (b"7", 23, 0, 7),
        (b"7", 0, 0, 7),
        (b"\x00\x00\x00\x07", 23, 1, 7),
        (b"\xff\xff\xff\xff", 23, 1, -1),
        (b"\x00\x07", 23, 1, None),  # not as long as its type
        (b"7", 25, 0, "7"),
        (b"seven", 25, 1, "seven"),
        (b"7.5", 1700, 0, None),
        (b"x", 23, 0, None),
        (None, 23, 0, None),
    ],
)
def test_bound_values(value: bytes | None, kind: int, how: int, said: object) -> None:
    assert fill(PURGE, PURGE, (value,), (kind,), (how,)) == (said,)


def test_a_bound_statement_is_the_template_itself() -> None:
    assert fill(PURGE, PURGE.replace("'x'", "'y'"), (b"7",), (23,), (0,)) is None
    assert fill(PURGE, PURGE, (b"7", b"8"), (23, 23), (0,)) is None
    assert fill(PURGE, PURGE, (), (), ()) is None


@pytest.mark.parametrize(
    ("template", "holes"),
    [
        (PURGE, 1),
        ("SELECT 1", 0),
        ("SELECT $1, $2", 2),
        ("SELECT $2", None),
        ('SELECT "a$1", $1', None),
        ("SELECT a ? 'b', $1", None),
        ("SELECT '$2', $1", 1),
    ],
)
def test_how_many(template: str, holes: int | None) -> None:
    assert holes_of(template) == holes
