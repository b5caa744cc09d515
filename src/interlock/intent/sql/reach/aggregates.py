"""Built-in aggregates: they make one row of many, and a query that consists of them gives few."""

from typing import Final

from interlock.intent.sql.tree import Json, Node, body, names, within, words

# pg_proc.prokind = 'a' on PostgreSQL 15 to 18; a test compares. Rank and its kin count only WITHIN GROUP.
AGGREGATES: Final = words(
    """any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every json_agg
    json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict
    jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique
    jsonb_object_agg_unique_strict max min mode percentile_cont percentile_disc range_agg range_intersect_agg
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop
    stddev_samp string_agg sum var_pop var_samp variance xmlagg"""
)
RANKS: Final = words("cume_dist dense_rank percent_rank rank")
_NODES: Final = ("JsonObjectAgg", "JsonArrayAgg")


def is_aggregate(value: Node | None) -> bool:
    """Whether an expression is the call of an aggregate."""
    called = body(value, "FuncCall")
    return called is not None and "over" not in called and (names(called, "funcname") or ("",))[-1] in AGGREGATES


def aggregated(value: Json) -> bool:
    """Whether an expression, or one of a list of them, is worked out from many rows; queries inside it apart."""
    for current in within(value, "SubLink"):
        called = body(current, "FuncCall")
        if called is not None and "over" not in called:
            name = (names(called, "funcname") or ("",))[-1]
            if name in AGGREGATES or (name in RANKS and "agg_within_group" in called):
                return True
        if any(key in current for key in _NODES):
            return True
    return False
