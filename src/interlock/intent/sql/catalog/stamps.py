"""The question whether a catalogue snapshot is still what the server holds: one hash over all that `QUERIES` read."""

from interlock.intent.sql.catalog.questions import FIRST_USER_OID, spelled


def _stamps(table: str, oid: str, extra: str = "", where: str = "") -> str:
    """The (object, xmin) pairs of one system table; a sum of xmin collides, a hash does not (threats.md 12)."""
    key = f"{oid}::@text @|| ':' @|| {extra} x.xmin::@text"
    return f"SELECT '{table}' AS source, {key} AS stamp FROM @{table} x {where}"


_NOT_TEMP = (
    "JOIN @pg_class c ON c.oid @= x.{column} AND c.relpersistence @<> 't'::@\"char\" AND c.relkind @<> 't'::@\"char\""
)

# Temporary tables of other sessions come and go; they mean nothing to this one.
_LASTING = "@!~ '^pg_(toast_)?temp_'"
_IN_LASTING = f"JOIN @pg_namespace n ON n.oid @= x.{{column}} AND n.nspname {_LASTING}"

# VACUUM and ANALYZE write sizes in place, so that no xmin tells: eight times as many pages are another size.
_SIZE_CLASSES = f"""SELECT 'size' AS source, x.oid::@text @|| ':' @|| @width_bucket(x.relpages,
  ARRAY[64, 512, 4096, 32768, 262144, 2097152, 16777216])::@text AS stamp FROM @pg_class x
  WHERE x.oid @>= {FIRST_USER_OID} AND x.relkind @= ANY (ARRAY['r','m']::@"char"[])
    AND x.relpersistence @<> 't'::@"char"
    AND x.relpages @>= 64"""

_STAMPED = " UNION ALL ".join(
    [
        _stamps("pg_class", "x.oid", where=_NOT_TEMP.format(column="oid")),
        _stamps(
            "pg_attribute",
            "x.attrelid",
            "x.attnum::@text @|| ':' @||",
            _NOT_TEMP.format(column="attrelid") + f" WHERE x.attrelid @>= {FIRST_USER_OID}",
        ),
        *(
            _stamps(table, "x.oid")
            for table in (
                "pg_trigger",
                "pg_rewrite",
                "pg_proc",
                "pg_operator",
                "pg_cast",
                "pg_policy",
                "pg_event_trigger",
            )
        ),
        *(
            _stamps(table, "x.oid", where=f"WHERE x.oid @>= {FIRST_USER_OID}")
            for table in ("pg_opclass", "pg_amproc", "pg_amop", "pg_enum")
        ),
        _stamps("pg_namespace", "x.oid", where=f"WHERE x.nspname {_LASTING}"),
        _stamps("pg_constraint", "x.oid", where=_IN_LASTING.format(column="connamespace")),
        _stamps("pg_type", "x.oid", where=_IN_LASTING.format(column="typnamespace") + " WHERE x.typrelid @= 0::@oid"),
        _stamps("pg_index", "x.indexrelid", where=_NOT_TEMP.format(column="indexrelid")),
        _stamps("pg_inherits", "x.inhrelid"),
        _SIZE_CLASSES,
        _stamps("pg_attrdef", "x.oid", where=_NOT_TEMP.format(column="adrelid")),
    ]
)

FINGERPRINT: str = spelled(f"""
SELECT @encode(@sha256(@convert_to(coalesce(@string_agg(
  s.source @|| s.stamp, ',' ORDER BY s.source COLLATE @"C", s.stamp COLLATE @"C"), ''), 'UTF8')), 'hex')
FROM ({_STAMPED}) s""")
