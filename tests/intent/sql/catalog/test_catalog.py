"""The catalogue against real servers, and what it keeps through a file."""

import json

import psycopg
import pytest

from interlock.intent.sql import FINGERPRINT, QUERIES, Catalog, CatalogUnreadable, LabelBook, Scope, understand
from tests.conftest import Database
from tests.intent.sql.shop import CATALOG, LABELS, SCHEMA, SNAPSHOT, written
from tests.intent.sql.test_corpus import CASES


def rows(connection: psycopg.Connection) -> dict[str, list[str]]:
    return {key: [row[0] for row in connection.execute(query.encode())] for key, query in QUERIES.items()}


def read(connection: psycopg.Connection) -> Catalog:
    return Catalog.build(target="shop", database="shop", rows=rows(connection), labels=LABELS)


def load(database: Database) -> psycopg.Connection:
    connection = psycopg.connect(database.dsn, autocommit=True)
    connection.execute(SCHEMA.read_bytes())
    return connection


def test_a_real_server_gives_the_meanings_of_the_corpus(database: Database) -> None:
    """The snapshot beside the tests is no invention: 15 and 18 give the same meanings."""
    with load(database) as connection:
        scope = Scope(catalog=read(connection), target="shop", search_path=("public",), user="app")
    differing = []
    for text, expected in CASES:
        if "known" in text or "open_cursor" in text or "pg_statistic" in text:
            continue  # prepared beforehand; columns differ between server versions
        (statement,) = understand(text, scope)
        if written(statement) != expected:
            differing.append(text)
    assert differing == []


def test_names_of_the_path_do_not_reach_the_queries(database18: Database) -> None:
    """threats.md 11: a better matching function or operator in a schema of the path is not taken."""
    with load(database18) as connection:
        honest = read(connection).epoch
        connection.execute("CREATE SCHEMA evil")
        connection.execute("CREATE FUNCTION evil.boom(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT 1/0 = 1'")
        connection.execute("CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.boom)")
        connection.execute("CREATE TABLE evil.pg_class (oid oid, relname name)")
        connection.execute("CREATE FUNCTION evil.count() RETURNS bigint LANGUAGE sql AS 'SELECT 1/0::bigint'")
        changed = read(connection).epoch
        connection.execute("SET search_path = evil, pg_catalog, public")
        assert read(connection).epoch == changed != honest
        assert connection.execute(FINGERPRINT.encode()).fetchone() is not None


def test_the_fingerprint_sees_every_change(database: Database) -> None:
    changes = [
        "CREATE TABLE t (a int)",
        "ALTER TABLE t ADD COLUMN b int",
        "ALTER TABLE t ALTER COLUMN b SET DEFAULT 5",
        "ALTER TABLE t ADD UNIQUE (a)",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "ALTER TABLE t DISABLE TRIGGER g",
        "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY p ON t USING (true)",
        "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE TABLE u (a int REFERENCES t (a) ON DELETE CASCADE) ",
        "CREATE SCHEMA s",
        "CREATE DOMAIN d AS int",
        "ALTER DOMAIN d ADD CHECK (VALUE > 0)",
        "ALTER TABLE t RENAME COLUMN b TO c",
        "DROP SCHEMA s",
    ]
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        seen = [connection.execute(FINGERPRINT.encode()).fetchone()]
        for change in changes:
            connection.execute(change.encode())
            seen.append(connection.execute(FINGERPRINT.encode()).fetchone())
        assert len(set(seen)) == len(changes) + 1
        with psycopg.connect(database.dsn, autocommit=True) as other:
            other.execute("CREATE TEMP TABLE scratch (a int)")
            assert connection.execute(FINGERPRINT.encode()).fetchone() == seen[-1]


def test_the_fingerprint_follows_sizes_coarsely(database: Database) -> None:
    """ANALYZE writes them in place; a table that grew eightfold may be one that nobody should read whole."""
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE growing (body text)")
        seen = []
        for rows in (1, 1, 60_000, 1):
            connection.execute("INSERT INTO growing SELECT repeat('x', 100) FROM generate_series(1, %s::int)", (rows,))
            connection.execute("ANALYZE growing")
            seen.append(connection.execute(FINGERPRINT.encode()).fetchone())
    assert seen[0] == seen[1] != seen[2] == seen[3]


def test_a_session_sees_its_own_temporary_and_uncommitted_tables(database18: Database) -> None:
    with psycopg.connect(database18.dsn) as connection:
        connection.execute("CREATE TEMP TABLE scratch (a int PRIMARY KEY)")
        connection.execute("CREATE TABLE fresh (b int)")
        catalog = read(connection)
        with psycopg.connect(database18.dsn) as other:
            outside = read(other)
        connection.rollback()
    assert catalog.relation("pg_temp", "scratch") is not None
    assert catalog.relation("public", "fresh") is not None
    assert outside.relation("public", "fresh") is None
    assert "pg_temp" not in outside.relations


def test_the_snapshot_is_that_of_the_schema(database18: Database) -> None:
    """shop.catalog.json is written by reading shop.sql: names, columns, keys, triggers, code."""
    with load(database18) as connection:
        fresh = read(connection)
    for relation in CATALOG.all_relations():
        if relation.schema in {"pg_catalog", "information_schema"}:
            continue
        found = fresh.relation(relation.schema, relation.name)
        assert found is not None, relation.object
        assert (found.columns, found.keys, found.triggers, found.code) == (
            relation.columns,
            relation.keys,
            relation.triggers,
            relation.code,
        )


def test_what_is_saved_is_read_back() -> None:
    data = CATALOG.to_json()
    again = Catalog.from_json(data, labels=LABELS)
    assert again.epoch == CATALOG.epoch
    assert again.to_json() == data
    assert json.loads(data)["target"] == "shop"
    email = again.relation("public", "customers")
    assert email is not None
    assert email.fields["email"].labels == {"pii"}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"target": "a", "database": "b", "rows": {}}', SNAPSHOT.read_bytes()[:-20]]
)
def test_a_file_that_is_no_catalogue_is_refused(data: bytes) -> None:
    with pytest.raises(CatalogUnreadable):
        Catalog.from_json(data)


def test_sizes_do_not_change_the_epoch() -> None:
    saved = json.loads(CATALOG.to_json())
    saved["rows"]["sizes"] = []
    assert Catalog.from_json(json.dumps(saved).encode()).epoch != ""
    saved["rows"]["triggers"] = []
    without = Catalog.from_json(json.dumps(saved).encode())
    assert without.epoch != CATALOG.epoch


def test_labels_flow() -> None:
    fields = {
        ("customers", "email_domain"): {"pii"},  # generated from email
        ("events_2024", "payload"): {"telemetry"},  # a partition shows its parent's
        ("orders", "note"): set(),
    }
    for (table, column), labels in fields.items():
        relation = CATALOG.relation("public", table)
        assert relation is not None
        assert relation.fields[column].labels == labels
    mapping = CATALOG.relation("pg_catalog", "pg_user_mapping")
    assert mapping is not None
    assert mapping.fields["umoptions"].labels == {"catalog-secret"}
    domains = CATALOG.relation("analytics", "domains")
    assert domains is not None
    assert domains.fields["domain"].labels == {"pii"}  # a copy of email's


def test_secrets_of_the_system_need_no_configuration() -> None:
    unlabelled = Catalog.from_json(SNAPSHOT.read_bytes())
    mapping = unlabelled.relation("pg_catalog", "pg_user_mapping")
    assert mapping is not None
    assert mapping.fields["umoptions"].labels == {"catalog-secret"}


def test_an_empty_catalogue_knows_nothing() -> None:
    scope = Scope(catalog=Catalog.empty(target="shop"), target="shop")
    (statement,) = understand("SELECT a FROM t", scope)
    assert [effect.object.known for effect in statement.intent.effects] == [False]
    assert LabelBook().of_relation("public", "t") == frozenset()
