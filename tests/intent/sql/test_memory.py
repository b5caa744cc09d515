"""Texts are remembered exactly, for those who read alike, and never where names of the session decide."""

import gc

import pytest

from interlock.intent.sql import Catalog, LabelBook, Memory, understand
from tests.intent.sql.shop import CATALOG, SNAPSHOT, scope

PATH = ("public",)


def test_an_exact_text_is_remembered_and_no_other() -> None:
    known = Memory().of(CATALOG, PATH, "app")
    statements = known.keep("SELECT 1", understand("SELECT 1", scope()))
    assert known.get("SELECT 1") is statements
    assert known.get("SELECT 2") is None
    assert known.get("select 1") is None


def test_texts_that_mean_the_same_share_their_intent_and_no_others_do() -> None:
    known = Memory().of(CATALOG, PATH, "app")
    texts = ["SELECT id FROM orders WHERE id = 1", "SELECT id FROM orders WHERE id = 2"]
    (one,), (other,) = (known.keep(text, understand(text, scope())) for text in texts)
    assert one.intent is other.intent
    assert [one.text, other.text] == texts
    key, always = (
        known.keep(text, understand(text, scope()))[0].intent
        for text in ("DELETE FROM orders WHERE 1 = 2", "DELETE FROM orders WHERE 1 = 1")
    )
    assert key.shape == always.shape
    assert key != always


def test_the_oldest_text_makes_room_and_long_ones_are_not_kept() -> None:
    known = Memory(entries=2, longest=10).of(CATALOG, PATH, "app")
    for text in ("SELECT 1", "SELECT 2", "SELECT 3", "SELECT 1234567890"):
        known.keep(text, understand(text, scope()))
    assert [known.get(text) is not None for text in ("SELECT 1", "SELECT 2", "SELECT 3", "SELECT 1234567890")] == [
        False,
        True,
        True,
        False,
    ]


def test_who_reads_by_another_catalogue_path_or_user_remembers_nothing_of_it() -> None:
    memory = Memory()
    memory.of(CATALOG, PATH, "app").keep("SELECT 1", understand("SELECT 1", scope()))
    relabelled = Catalog.from_json(SNAPSHOT.read_bytes(), labels=LabelBook({"public.orders": frozenset({"pii"})}))
    assert relabelled.epoch == CATALOG.epoch
    assert memory.of(CATALOG, PATH, "app").get("SELECT 1") is not None
    for catalog, path, user in ((relabelled, PATH, "app"), (CATALOG, ("app",), "app"), (CATALOG, PATH, "other")):
        assert memory.of(catalog, path, user).get("SELECT 1") is None


def test_a_catalogue_that_is_gone_takes_its_memory_along() -> None:
    memory = Memory()
    catalog = Catalog.from_json(SNAPSHOT.read_bytes())
    memory.of(catalog, PATH, "app")
    assert len(memory._known) == 1
    del catalog
    gc.collect()
    assert len(memory._known) == 0


@pytest.mark.parametrize(
    "text", ["EXECUTE p", "EXPLAIN ANALYZE EXECUTE p", "CREATE TABLE x AS EXECUTE p", "FETCH ALL FROM c"]
)
def test_what_a_name_stands_for_is_never_remembered(text: str) -> None:
    known = Memory().of(CATALOG, PATH, "app")
    (prepared,) = understand("PREPARE p AS SELECT 1", scope())
    known.keep(text, understand(text, scope()))
    known.keep(text, understand(text, scope(prepared={"p": prepared}, cursors={"c": prepared})))
    assert known.get(text) is None
