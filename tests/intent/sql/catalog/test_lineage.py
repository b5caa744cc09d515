"""What the columns of views come from, by the trees that servers of 15 and 18 keep of them."""

import psycopg
import pytest

from interlock.intent.sql import QUERIES, Catalog, LabelBook
from interlock.intent.sql.catalog.lineage import lineage
from interlock.intent.sql.catalog.relation import Relation
from tests.conftest import Database

TABLES = """
CREATE TABLE people (id int PRIMARY KEY, gone text, name text, ssn text, team int, boss int, "odd {:x <> \\ name" text);
ALTER TABLE people DROP COLUMN gone;
CREATE TABLE teams (id int PRIMARY KEY, title text, budget numeric);
"""
# (query of a view v(a, ...), the columns asked for, what that needs)
CASES = (
    ("SELECT id AS a, ssn AS b FROM people", "a", "people.id"),
    ("SELECT id AS a, ssn AS b FROM people", "b", "people.ssn"),
    ("SELECT id AS a, ssn AS b FROM people", "", "people"),
    ("SELECT id AS a, ssn AS b FROM people", "a b", "people.id people.ssn"),
    ("SELECT id AS a FROM people WHERE ssn IS NOT NULL", "a", "people.id people.ssn"),
    ("SELECT id AS a FROM people WHERE ssn IS NOT NULL", "", "people.ssn"),
    ("SELECT p.id AS a, t.title AS b FROM people p JOIN teams t ON t.id = p.team", "b",
     "people.team teams.id teams.title"),
    ("SELECT p.id AS a, t.title AS b FROM people p LEFT JOIN teams t USING (id)", "a", "people.id teams.id"),
    ("SELECT id AS a, title AS b FROM people FULL JOIN teams USING (id)", "", "people.id teams.id"),
    ("SELECT id AS a, ssn AS b FROM people NATURAL JOIN teams", "b", "people.id people.ssn teams.id"),
    ("SELECT j.ssn AS a, j.title AS b FROM (people p JOIN teams t ON p.team = t.id)"
     " AS j(i, n, ssn, g, h, o, ti, title, bu)",
     "b", "people.team teams.id teams.title"),
    ("SELECT team AS a, count(ssn) AS b FROM people GROUP BY team", "a", "people.team"),
    ("SELECT team AS a, count(ssn) AS b FROM people GROUP BY team", "b", "people.ssn people.team"),
    ("SELECT count(*) AS a, upper(ssn) AS b FROM people GROUP BY upper(ssn)", "a", "people.ssn"),
    ("SELECT team AS a FROM people GROUP BY team HAVING max(ssn) > 'x'", "a", "people.ssn people.team"),
    ("SELECT count(*) AS a FROM people GROUP BY CUBE (team, name)", "a", "people.name people.team"),
    ("SELECT DISTINCT id AS a, ssn AS b FROM people", "a", "people.id people.ssn"),
    ("SELECT DISTINCT ON (ssn) id AS a FROM people ORDER BY ssn, name", "a", "people.id people.name people.ssn"),
    ("SELECT id AS a, ssn AS b FROM people ORDER BY name LIMIT 10", "a", "people.id people.name"),
    ("SELECT id AS a, row_number() OVER (PARTITION BY team ORDER BY ssn) AS b FROM people", "a",
     "people.id people.ssn people.team"),
    ("SELECT id AS a, name AS b FROM people UNION ALL SELECT budget::int, title FROM teams", "a",
     "people.id teams.budget"),
    ("SELECT id AS a, name AS b FROM people UNION SELECT id, title FROM teams", "a",
     "people.id people.name teams.id teams.title"),
    ("SELECT id AS a, name AS b FROM people EXCEPT ALL SELECT id, ssn FROM people", "a",
     "people.id people.name people.ssn"),
    ("(SELECT id AS a, name AS b FROM people UNION ALL SELECT id, ssn FROM people)"
     " UNION ALL SELECT 1, title FROM teams",
     "b", "people.name people.ssn teams.title"),
    ("SELECT id AS a, name AS b FROM people UNION ALL SELECT id, ssn FROM people ORDER BY b", "a",
     "people.id people.name people.ssn"),
    ("SELECT p AS a, 1 AS b FROM people p", "a",
     "people.boss people.id people.name people.odd_{:x_<>_\\_name people.ssn people.team"),
    ("SELECT p AS a, 1 AS b FROM people p", "b", "people"),
    ("SELECT (p).ssn AS a, to_jsonb(t) AS b FROM people p, teams t", "b",
     "people teams.budget teams.id teams.title"),
    ("SELECT id AS a, (SELECT title FROM teams t WHERE t.id = p.team) AS b FROM people p", "a", "people.id"),
    ("SELECT id AS a, (SELECT title FROM teams t WHERE t.id = p.team) AS b FROM people p", "b",
     "people.team teams.id teams.title"),
    ("SELECT id AS a FROM people p WHERE EXISTS (SELECT 1 FROM teams t WHERE t.id = p.team)", "a",
     "people.id people.team teams.id"),
    ("WITH x AS (SELECT id, ssn AS s FROM people WHERE boss > 0) SELECT id AS a, s AS b FROM x", "a",
     "people.boss people.id"),
    ("WITH x AS (SELECT id, ssn AS s FROM people) SELECT (SELECT s FROM x x2 WHERE x2.id = x.id) AS a, id AS b FROM x",
     "a", "people.id people.ssn"),
    ("WITH x AS (SELECT id, ssn AS s FROM people) SELECT (SELECT s FROM x x2 WHERE x2.id = x.id) AS a, id AS b FROM x",
     "b", "people.id"),
    ("""WITH RECURSIVE up AS (SELECT id, name, boss FROM people WHERE id = 1
        UNION ALL SELECT p.id, up.name || p.ssn, p.boss FROM people p JOIN up ON p.id = up.boss)
        SELECT id AS a, name AS b FROM up""", "a", "people.boss people.id people.name people.ssn"),
    ("SELECT s.a, s.b FROM (SELECT id AS a, ssn AS b FROM people) s", "a", "people.id"),
    ("SELECT to_jsonb(s) AS a, 1 AS b FROM (SELECT id, ssn FROM people) s", "a", "people.id people.ssn"),
    ("SELECT p.id AS a, l.x AS b FROM people p, LATERAL (SELECT p.ssn AS x) l", "b", "people.ssn"),
    ("SELECT p.id AS a, l.x AS b FROM people p, LATERAL (SELECT p.ssn AS x) l", "a", "people.id"),
    ("SELECT p.id AS a, u.w AS b FROM people p, LATERAL unnest(string_to_array(p.ssn, '-')) AS u(w)", "a",
     "people.id people.ssn"),
    ("SELECT v.x AS a, p.id AS b FROM people p, LATERAL (VALUES (p.name), (p.ssn)) v(x)", "a",
     "people.name people.ssn"),
    ("SELECT id AS a FROM people TABLESAMPLE system (10)", "a", "people.id"),
    ('SELECT id AS a, name AS ":expr", ssn AS ":varno" FROM people', ":expr", "people.name"),
    ('SELECT id AS "<>", name AS "{VAR :varno 9}", ssn AS ") (" FROM people', ") (", "people.ssn"),
    ("SELECT '{VAR :varno 1 :varattno 4}' AS a, \"odd {:x <> \\ name\" AS b FROM people", "b",
     "people.odd_{:x_<>_\\_name"),
    ("SELECT DISTINCT false AS a, ssn AS false FROM people", "a", "people.ssn"),
)  # fmt: skip


def read(connection: psycopg.Connection, **labels: str) -> Catalog:
    rows = {key: [row[0] for row in connection.execute(query.encode())] for key, query in QUERIES.items()}
    book = LabelBook({f"public.people.{column}": frozenset({label}) for column, label in labels.items()})
    return Catalog.build(target="t", database="t", rows=rows, labels=book)


def found(catalog: Catalog, name: str) -> Relation:
    relation = catalog.relation("public", name)
    assert relation is not None
    return relation


def needed(view: Relation, columns: list[str] | None) -> str:
    listed = {
        f"{base.name}.{column}".replace(" ", "_")
        for base, named in view.expansion(columns)
        if not base.is_view
        for column in named
    }
    bare = {base.name for base, _ in view.expansion(columns) if not base.is_view} - {
        each.split(".")[0] for each in listed
    }
    return " ".join(sorted(listed | bare))


def test_a_column_needs_what_it_comes_from_and_what_chooses_the_rows(database: Database) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(TABLES.encode())
        for at, (query, _, _) in enumerate(CASES):
            connection.execute(f"CREATE VIEW v{at} AS {query}".encode())
        catalog = read(connection)
    for at, (query, columns, expected) in enumerate(CASES):
        asked = [columns] if " " in columns and columns not in {"a b"} else columns.split()
        assert needed(found(catalog, f"v{at}"), asked) == expected, query


def test_views_over_views_pass_on_what_is_asked_of_them(database: Database) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(TABLES.encode())
        connection.execute("CREATE VIEW low AS SELECT id, ssn, name AS called FROM people WHERE team = 1")
        connection.execute("CREATE VIEW high AS SELECT id AS i, ssn AS s FROM low")
        connection.execute("CREATE VIEW rowed AS SELECT low AS l FROM low")
        catalog = read(connection)
    assert needed(found(catalog, "high"), ["i"]) == "people.id people.team"
    assert needed(found(catalog, "high"), None) == "people.id people.ssn people.team"
    assert needed(found(catalog, "rowed"), ["l"]) == "people.id people.name people.ssn people.team"


def test_materialised_views_hold_the_labels_of_what_each_column_comes_from(database: Database) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(TABLES.encode())
        connection.execute("CREATE VIEW low AS SELECT id, ssn, name AS called FROM people WHERE team = 1")
        connection.execute("CREATE MATERIALIZED VIEW kept AS SELECT id AS i, upper(ssn) AS s, called AS c FROM low")
        connection.execute("CREATE VIEW shown AS SELECT s FROM kept")
        catalog = read(connection, ssn="secret")
        chosen = read(connection, team="secret")
    kept = found(catalog, "kept")
    assert {name: field.labels for name, field in kept.fields.items()} == {"i": set(), "s": {"secret"}, "c": set()}
    assert {field.labels for field in found(chosen, "kept").fields.values()} == {frozenset({"secret"})}
    assert [(base.name, names) for base, names in found(catalog, "shown").expansion(["s"])] == [("kept", ("s",))]


def test_every_view_of_the_server_itself_can_be_read(database: Database) -> None:
    query = QUERIES["trees"].replace("16384", "1")
    assert query != QUERIES["trees"]
    with psycopg.connect(database.dsn) as connection:
        full = "SELECT ev_action::text FROM pg_rewrite WHERE rulename = '_RETURN' ORDER BY ev_class"
        trees = [row[0] for row in connection.execute(full.encode())]
        short = [row[0]["tree"] for row in connection.execute(f"SELECT x::json FROM ({query}) AS y(x)".encode())]
    assert len(trees) > 120 <= len(short)
    for whole, left in zip(map(lineage, trees), map(lineage, short), strict=True):
        assert whole is not None
        assert whole == left  # what is left out of the snapshot says nothing about origins


@pytest.mark.parametrize(
    "tree",
    [
        "",
        "({QUERY :commandType 2})",
        "({QUERY :commandType 1} {QUERY :commandType 1})",
        "({QUERY :commandType 1 :targetList ({TARGETENTRY :expr {VAR :varno 1 :varattno 1} :resno 1})})",
        "({QUERY :commandType 1 :rtable ({RANGETBLENTRY :rtekind 6 :ctename x}) :targetList "
        "({TARGETENTRY :expr {VAR :varno 1 :varattno 1}})})",
        "({QUERY :commandType 1 :targetList ({TARGETENTRY :expr {VAR :varno one}})})",
        "({QUERY :commandType 1",
        "({QUERY commandType 1})",
        "({QUERY :commandType 1 :rtable ({RANGETBLENTRY :rtekind 1 :subquery " * 2_000 + "<>" + "})})" * 2_000,
    ],
)
def test_a_tree_that_is_not_understood_has_no_lineage(tree: str) -> None:
    assert lineage(tree) is None


def test_a_view_whose_tree_is_not_understood_needs_everything(database18: Database) -> None:
    with psycopg.connect(database18.dsn, autocommit=True) as connection:
        connection.execute(TABLES.encode())
        connection.execute("CREATE VIEW v AS SELECT id, name FROM people")
        rows = {key: [row[0] for row in connection.execute(query.encode())] for key, query in QUERIES.items()}
    whole = "people.boss people.id people.name people.odd_{:x_<>_\\_name people.ssn people.team"
    for tree in ("new form", "({QUERY :commandType 1 :targetList ({TARGETENTRY :expr {CONST} :resno 1})})"):
        view = found(Catalog.build(target="t", database="t", rows=rows, labels=LabelBook()), "v")
        assert needed(view, ["id"]) == "people.id"
        view.tree = tree
        view.expanded.clear()
        assert needed(view, ["id"]) == whole
