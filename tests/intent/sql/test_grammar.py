"""Every kind of statement, every kind of sub-command and every value of the grammar has a meaning in the corpus.

The lists come from the parser's own descriptors, so a new version of it that knows more fails here until each new
thing is mapped, refused by name, or found to say nothing about meaning.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import postgast
from google.protobuf.message import Message
from postgast import pg_query_pb2 as pb

from interlock.intent.sql import understand
from interlock.intent.sql.queries.expressions import QUERIES
from interlock.intent.sql.refusals import NEVER, REFUSED
from interlock.intent.sql.tree import words
from interlock.intent.sql.understand import STATEMENTS
from tests.intent.sql.shop import scope
from tests.intent.sql.test_corpus import CASES

# Parts of other statements, never a statement of a text.
INSIDE = words("RawStmt ReplicaIdentityStmt ReturnStmt SetOperationStmt")
# What the server makes of a tree when it analyses and plans it: a parsed text holds none of them.
ANALYSED = words(
    """TableFunc Var Param Aggref WindowFunc WindowFuncRunCondition SubscriptingRef FuncExpr OpExpr DistinctExpr
    NullIfExpr ScalarArrayOpExpr SubPlan AlternativeSubPlan FieldSelect FieldStore RelabelType CoerceViaIO
    ArrayCoerceExpr
    ConvertRowtypeExpr CollateExpr CaseTestExpr ArrayExpr RowCompareExpr JsonConstructorExpr JsonExpr JsonTablePath
    JsonTablePathScan JsonTableSiblingJoin MergeAction CoerceToDomain CoerceToDomainValue NextValueExpr InferenceElem
    ReturningExpr TargetEntry RangeTblRef FromExpr OnConflictExpr Query PartitionRangeDatum RangeTblEntry
    RTEPermissionInfo RangeTblFunction TableSampleClause WithCheckOption SortGroupClause WindowClause RowMarkClause
    SetOperationStmt
    InlineCodeBlock CallContext IntList OidList PLAssignStmt"""
)
# Enumerations of analysed and planned trees, and of the lexer.
NOT_OF_TEXTS = words(
    """AggSplit AggStrategy CompareType JsonConstructorType KeywordKind LockTupleMode ParamKind PartitionRangeDatumKind
    QuerySource RTEKind SetOpCmd SetOpStrategy SetQuantifier TableFuncType TableLikeOption Token VarReturningType
    WCOKind"""
)
# Single values of that kind, in enumerations that texts hold too.
NOT_IN_TEXTS = NEVER | words(
    """AT_AddIndexConstraint CMD_UNKNOWN CMD_SELECT CMD_MERGE CMD_UTILITY COERCION_PLPGSQL COERCE_EXPLICIT_CAST
    JOIN_SEMI JOIN_ANTI JOIN_RIGHT_SEMI JOIN_RIGHT_ANTI JOIN_UNIQUE_OUTER JOIN_UNIQUE_INNER JSON_BEHAVIOR_EMPTY
    JS_FORMAT_JSONB
    JSON_TABLE_OP LCS_NONE ONCONFLICT_NONE GROUPING_SET_SIMPLE ROWCOMPARE_SUBLINK MULTIEXPR_SUBLINK CTE_SUBLINK
    IS_XMLSERIALIZE"""
)


def parts(message: Message) -> Iterator[tuple[str, str | None]]:
    """(node, None) and (enumeration, value) for everything in a parsed tree."""
    waiting = [message]
    while waiting:
        current = waiting.pop()
        yield current.DESCRIPTOR.name, None
        for field, value in current.ListFields():
            held = value if field.is_repeated else [value]
            if field.message_type is not None:
                waiting.extend(held)
            elif field.enum_type is not None:
                for number in held:
                    yield field.enum_type.name, field.enum_type.values_by_number[number].name


@cache
def written_down() -> frozenset[tuple[str, str | None]]:
    """Everything that the corpus says the meaning of."""
    found: set[tuple[str, str | None]] = set()
    for text, expected in CASES:
        if "! malformed" not in expected:
            found.update(parts(postgast.parse(text)))
    return frozenset(found)


def grammar() -> set[str]:
    return {field.message_type.name for field in pb.Node.DESCRIPTOR.fields}


def values() -> Iterator[tuple[str, str]]:
    for name, enum in pb.DESCRIPTOR.enum_types_by_name.items():
        if name not in NOT_OF_TEXTS:
            yield from ((name, value.name) for value in enum.values if value.number)


def test_every_statement_is_mapped_or_refused_by_name() -> None:
    statements = {name for name in grammar() if name.endswith("Stmt")}
    mapped = set(STATEMENTS) | set(QUERIES)
    assert statements - mapped - INSIDE == {"PLAssignStmt"} <= set(REFUSED)
    assert mapped <= statements


def test_every_node_has_its_meaning_in_the_corpus() -> None:
    held = {name for name, value in written_down() if value is None}
    assert grammar() - held - ANALYSED == set()
    assert held & ANALYSED == set(), "a text holds it after all: write its meaning into the corpus"


def test_every_value_has_its_meaning_in_the_corpus() -> None:
    missing = {value for name, value in values() if (name, value) not in written_down()}
    assert missing - NOT_IN_TEXTS == set()
    assert NOT_IN_TEXTS - {value for _, value in values()} == set(), "the grammar has no such value"
    assert {value for _, value in written_down()} & NOT_IN_TEXTS == set(), "a text holds it after all"


def test_enumerations_that_texts_do_not_hold_are_in_none() -> None:
    assert NOT_OF_TEXTS.issubset(pb.DESCRIPTOR.enum_types_by_name)
    assert {name for name, value in written_down() if value is not None} & NOT_OF_TEXTS == set()


def test_the_corpus_refuses_only_what_is_on_the_list() -> None:
    """`not-mapped` in the corpus is a reason of the table, not a hole."""
    for text, expected in CASES:
        if "! not-mapped" in expected:
            (statement,) = understand(text, scope())
            told = [finding.message for finding in statement.intent.findings if finding.code == "not-mapped"]
            assert any(reason in message for message in told for reason in REFUSED.values()), text


def test_the_list_of_the_refused_is_the_one_that_people_read() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "statements.md").read_text()
    rows = [line for line in page.partition("## Refused by name")[2].splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {reason} |" for name, reason in REFUSED.items()]
