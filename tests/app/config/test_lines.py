import tomllib

from interlock.app.config.lines import key_lines, nearest_line

TEXT = '''# [not.a.table]
top = "a # no comment"
[one]
key = """
[two]
key = 1
"""
list = [
  "]", # ]
  { inner = 1 },
]
after = 'x = 1'
"quoted key" = 1
[one.two]
deep.er = { x = { y = 1 }, z = "}" }
[[many]]
a = 1
[ spaced . out ]
b = 2
'''


def paths(table, path=()):
    for key, value in table.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from paths(value, (*path, key))


def test_every_key_that_tomllib_sees_has_its_line():
    lines = key_lines(TEXT)
    assert lines.keys() >= set(paths(tomllib.loads(TEXT))) - {("one", "two", "deep", "er", "x", "y")}
    expected = {
        ("top",): 2,
        ("one",): 3,
        ("one", "key"): 4,
        ("one", "list"): 8,
        ("one", "after"): 12,
        ("one", "quoted key"): 13,
        ("one", "two"): 14,
        ("one", "two", "deep"): 15,
        ("one", "two", "deep", "er", "z"): 15,
        ("many", "a"): 17,
        ("spaced", "out", "b"): 19,
    }
    assert {path: lines[path] for path in expected} == expected
    assert ("two",) not in lines


def test_a_path_without_a_line_takes_that_of_what_holds_it():
    lines = key_lines(TEXT)
    assert nearest_line(lines, ("one", "missing", "deeper")) == 3
    assert nearest_line(lines, ("nothing",)) == 1
