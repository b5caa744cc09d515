"""Every statement of the grammar is understood or refused by name: the list of the refused is this file's."""

from postgast import pg_query_pb2

from interlock.intent.sql.expressions import QUERIES
from interlock.intent.sql.tree import words
from interlock.intent.sql.understand import STATEMENTS

# Not mapped yet (issue 3), so refused as `not-mapped`.
REFUSED = words(
    """AlterCollationStmt AlterDatabaseRefreshCollStmt AlterDatabaseSetStmt AlterDatabaseStmt AlterDomainStmt
    AlterEventTrigStmt AlterExtensionContentsStmt AlterExtensionStmt AlterFdwStmt AlterForeignServerStmt
    AlterFunctionStmt AlterObjectDependsStmt AlterOpFamilyStmt AlterOperatorStmt AlterPolicyStmt AlterPublicationStmt
    AlterRoleSetStmt AlterStatsStmt AlterSubscriptionStmt AlterSystemStmt AlterTSConfigurationStmt
    AlterTSDictionaryStmt AlterTableMoveAllStmt AlterTableSpaceOptionsStmt AlterTypeStmt AlterUserMappingStmt
    CreateAmStmt CreateCastStmt CreateConversionStmt CreateEventTrigStmt CreateFdwStmt CreateForeignServerStmt
    CreateForeignTableStmt CreateOpClassStmt CreateOpFamilyStmt CreatePLangStmt CreatePolicyStmt
    CreatePublicationStmt CreateRangeStmt CreateSubscriptionStmt CreateTableSpaceStmt CreateTransformStmt
    CreateUserMappingStmt DefineStmt DropSubscriptionStmt DropTableSpaceStmt DropUserMappingStmt
    ImportForeignSchemaStmt LoadStmt ReassignOwnedStmt RuleStmt SecLabelStmt"""
)
# Never the top of a parsed text: they live inside others.
INSIDE = words("PLAssignStmt RawStmt ReplicaIdentityStmt ReturnStmt SetOperationStmt")


def test_the_grammar_is_covered() -> None:
    fields = pg_query_pb2.Node.DESCRIPTOR.fields
    grammar = {f.message_type.name for f in fields if f.message_type.name.endswith("Stmt")}
    mapped = set(STATEMENTS) | set(QUERIES)
    assert grammar - mapped - INSIDE == REFUSED
    assert mapped <= grammar
