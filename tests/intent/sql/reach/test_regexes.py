"""Regular expressions that are heavy by themselves, and those that only look it."""

import pytest

from interlock.intent.sql.reach.regexes import weight
from tests.intent.sql.shop import over_limit

HEAVY = [
    r"SELECT 1 FROM orders WHERE note ~ '^(a+)(a+)(a+)\1\2\3$'",
    r"SELECT 1 FROM orders WHERE note !~* '(.*)(.*)(.*)\3x\2y\1'",
    r"SELECT 1 FROM orders WHERE note OPERATOR(pg_catalog.~) ('^(a+)(a+)(a+)' || '\1\2\3$')",
    r"SELECT regexp_replace(note, '(.+)(.+)(.+)\1\2\3', '') FROM orders",
    r"SELECT regexp_matches(note, E'(.+)(.+)(.+)\\1\\2\\3') FROM orders",
    r"SELECT substring(note from '(.+)(.+)(.+)\1\2\3') FROM orders",
    "SELECT 'x' ~ '((x{0,30}){0,30}){0,5}y'",
    "SELECT regexp_count('x', '(x{1,200}){1,200}')",
    r"SELECT 1 FROM orders WHERE note ~ concat('^(a+)(a+)(a+)', '\1\2\3$')",
    "SELECT 1 FROM orders WHERE note ~ ('^(a+)(a+)(a+)' || chr(92) || '1' || chr(92) || '2' || chr(92) || '3')",
    r"SELECT 1 FROM orders WHERE note ~ reverse('$3\2\1\)+a()+a()+a(')",
    r"SELECT 1 FROM orders WHERE note ~ replace('^(a+)(a+)(a+)#1#2#3$', '#', '\')",
    r"SELECT regexp_replace(note, lower('(.+)(.+)(.+)\1\2\3'), '') FROM orders",
    "SELECT 'x' ~ ('(' || repeat('x?', 200) || '){1,200}')",
    "SELECT 'x' ~ repeat('x?', 5000)",
    "SELECT 1 FROM orders WHERE note ~ repeat(note, 50)",
    "SELECT 1 FROM orders WHERE note ~ format('^(a+)(a+)(a+)%s$', E'\\1\\2\\3')",
    "SELECT 1 FROM orders WHERE note ~ convert_from(decode('2861', 'hex'), 'UTF8')",
]
LIGHT = [
    r"SELECT 1 FROM orders WHERE note ~ '\m(\w+)\s+\1\M'",
    r"SELECT regexp_replace(note, '(\d{3})(\d{3})(\d{4})', '(\1) \2-\3') FROM orders",
    r"SELECT 1 FROM orders WHERE note ~ '^(?:\d{1,3}\.){3}\d{1,3}$'",
    "SELECT 1 FROM orders WHERE note ~ '^[^@]{1,64}@[^@.]{1,63}([.][^@.]{1,63}){1,8}$'",
    r"SELECT 1 FROM orders WHERE note ~ '\\1\\2\\3[\1\2\3]'",
    "SELECT 1 FROM orders WHERE note ~ $1",
    r"SELECT 1 FROM orders WHERE note ~ ('\m' || $1 || '\M')",
    "SELECT 1 FROM orders WHERE note ~* concat('^', lower('ABC'))",
    "SELECT 1 FROM orders WHERE note ~* ('^' || replace($1, '.', '[.]'))",
    "SELECT 1 FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.note ~ ('^' || c.name)",
    "SELECT 1 FROM orders WHERE note ~ repeat('[0-9]', 8)",
    "SELECT regexp_split_to_table(note, ',') FROM orders",
]


@pytest.mark.parametrize("text", HEAVY)
def test_what_is_tried_in_too_many_ways_is_refused(text: str) -> None:
    assert over_limit(text)


@pytest.mark.parametrize("text", LIGHT)
def test_what_people_write_is_not(text: str) -> None:
    assert not over_limit(text)


def test_brackets_that_nothing_closes_are_not_looked_for_again_and_again() -> None:
    assert weight("[" * 250_000) == (0, 0)
    assert weight("(" * 250_000)[0] == 0
