"""The questions that fill a catalogue snapshot: one column of JSON text a row, no name left to the search path.

They run on PostgreSQL 15 to 18 over any driver. Functions, types and operators are spelled with pg_catalog, because a
schema earlier in the path may hold others that match better (threats.md 11). The session's own temporary schema is
called `pg_temp`, other sessions' are left out.
"""

_SCHEMA = (
    "CASE WHEN n.oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema() THEN 'pg_temp'::pg_catalog.text "
    "ELSE n.nspname::pg_catalog.text END"
)
_VISIBLE = "(NOT pg_catalog.pg_is_other_temp_schema(n.oid) AND n.nspname OPERATOR(pg_catalog.!~) '^pg_(toast|temp_)'"
_VISIBLE += " OR n.oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema())"
_FIRST_USER_OID = "16384::pg_catalog.oid"  # access/transam.h: FirstNormalObjectId

_EXTENSION = """(SELECT e.extname FROM pg_catalog.pg_depend x
  JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) x.refobjid
  WHERE x.classid OPERATOR(pg_catalog.=) '{table}'::pg_catalog.regclass::pg_catalog.oid AND x.objid OPERATOR(pg_catalog.=) {oid}
    AND x.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid
    AND x.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char" LIMIT 1)"""

_RELATIONS = f"""
SELECT pg_catalog.json_build_object('oid', c.oid::pg_catalog.int8, 'schema', {_SCHEMA}, 'name', c.relname, 'kind', c.relkind,
  'persistence', c.relpersistence, 'owner', pg_catalog.pg_get_userbyid(c.relowner), 'rls', c.relrowsecurity,
  'columns', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, t.typname, tn.nspname, a.attnotnull,
        a.attgenerated OPERATOR(pg_catalog.<>) ''::pg_catalog."char") ORDER BY a.attnum)
     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
     JOIN pg_catalog.pg_namespace tn ON tn.oid OPERATOR(pg_catalog.=) t.typnamespace
     WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT a.attisdropped),
     '[]'::pg_catalog.json),
  'rules', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_rewrite r WHERE r.ev_class OPERATOR(pg_catalog.=) c.oid
     AND r.rulename OPERATOR(pg_catalog.<>) '_RETURN'::pg_catalog.name))::pg_catalog.text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE {_VISIBLE} AND (c.relkind OPERATOR(pg_catalog.<>) ALL (ARRAY['i','I','c','t']::pg_catalog."char"[])
  OR c.oid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID} AND c.relkind OPERATOR(pg_catalog.<>) 't'::pg_catalog."char")
ORDER BY c.oid"""

_SIZES = f"""
SELECT pg_catalog.json_build_object('oid', c.oid::pg_catalog.int8, 'rows', c.reltuples, 'pages', c.relpages)::pg_catalog.text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE {_VISIBLE} AND c.oid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID}
  AND c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['r','p','m']::pg_catalog."char"[])
ORDER BY c.oid"""

# A key proves a row unique only if it is whole, immediate and compared as its columns compare by themselves.
_KEYS = f"""
SELECT pg_catalog.json_build_object('relation', i.indrelid::pg_catalog.int8, 'columns',
  (SELECT pg_catalog.json_agg(a.attname ORDER BY k.place) FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[])
     WITH ORDINALITY AS k(attnum, place)
     JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.attnum OPERATOR(pg_catalog.=) k.attnum
     WHERE k.place OPERATOR(pg_catalog.<=) i.indnkeyatts::pg_catalog.int8))::pg_catalog.text
FROM pg_catalog.pg_index i
WHERE i.indisunique AND i.indimmediate AND i.indisvalid AND i.indisready AND i.indislive
  AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indrelid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID}
  AND NOT EXISTS (SELECT 1 FROM ROWS FROM (pg_catalog.unnest(i.indkey::pg_catalog.int2[]),
      pg_catalog.unnest(i.indcollation::pg_catalog.oid[]), pg_catalog.unnest(i.indclass::pg_catalog.oid[])) WITH ORDINALITY AS k(attnum, collation_oid, class_oid, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.attnum OPERATOR(pg_catalog.=) k.attnum
    JOIN pg_catalog.pg_opclass o ON o.oid OPERATOR(pg_catalog.=) k.class_oid
    WHERE k.place OPERATOR(pg_catalog.<=) i.indnkeyatts::pg_catalog.int8
      AND (k.collation_oid OPERATOR(pg_catalog.<>) a.attcollation OR NOT o.opcdefault))
ORDER BY i.indexrelid"""

_FOREIGN_KEYS = """
SELECT pg_catalog.json_build_object('name', k.conname, 'child', k.conrelid::pg_catalog.int8, 'parent', k.confrelid::pg_catalog.int8,
  'child_columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(attnum, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) k.conrelid AND a.attnum OPERATOR(pg_catalog.=) u.attnum),
  'parent_columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place) FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u(attnum, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) k.confrelid AND a.attnum OPERATOR(pg_catalog.=) u.attnum),
  'on_delete', k.confdeltype, 'on_update', k.confupdtype)::pg_catalog.text
FROM pg_catalog.pg_constraint k
WHERE k.contype OPERATOR(pg_catalog.=) 'f'::pg_catalog."char" AND k.conparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
ORDER BY k.oid"""

_TRIGGERS = """
SELECT pg_catalog.json_build_object('relation', t.tgrelid::pg_catalog.int8, 'name', t.tgname, 'events', t.tgtype,
  'schema', n.nspname, 'function', p.proname)::pg_catalog.text
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.tgfoid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
WHERE NOT t.tgisinternal AND t.tgenabled OPERATOR(pg_catalog.<>) 'D'::pg_catalog."char"
ORDER BY t.oid"""

_VIEWS = f"""
SELECT pg_catalog.json_build_object('view', r.ev_class::pg_catalog.int8, 'relation', d.refobjid::pg_catalog.int8,
  'columns', coalesce(pg_catalog.json_agg(DISTINCT a.attname) FILTER (WHERE a.attname IS NOT NULL), '[]'::pg_catalog.json))::pg_catalog.text
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_depend d ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
  AND d.objid OPERATOR(pg_catalog.=) r.oid
  AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
  AND d.refobjid OPERATOR(pg_catalog.<>) r.ev_class
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) d.refobjid
  AND a.attnum::pg_catalog.int4 OPERATOR(pg_catalog.=) d.refobjsubid AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2
WHERE r.ev_class OPERATOR(pg_catalog.>=) {_FIRST_USER_OID}
GROUP BY r.ev_class, d.refobjid ORDER BY r.ev_class, d.refobjid"""

_INHERITANCE = """
SELECT pg_catalog.json_build_object('child', i.inhrelid::pg_catalog.int8, 'parent', i.inhparent::pg_catalog.int8)::pg_catalog.text
FROM pg_catalog.pg_inherits i ORDER BY i.inhrelid, i.inhseqno"""

# User code that runs because a relation or a domain is touched: defaults, checks, expression indexes, policies, views.
_CODE = f"""
SELECT pg_catalog.json_build_object('relation', w.relation::pg_catalog.int8, 'domain', w.domain::pg_catalog.int8, 'by', w.by,
  'schema', n.nspname, 'function', p.proname)::pg_catalog.text
FROM (
  SELECT f.adrelid AS relation, NULL::pg_catalog.oid AS domain, 'default' AS by, d.refobjid AS function
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef f ON f.oid OPERATOR(pg_catalog.=) d.objid
    WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
      AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
  UNION ALL
  SELECT k.conrelid, k.contypid, 'check', d.refobjid
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_constraint k ON k.oid OPERATOR(pg_catalog.=) d.objid
    WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid
      AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
  UNION ALL
  SELECT i.indrelid, NULL, 'index', d.refobjid
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) d.objid
    WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
      AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
  UNION ALL
  SELECT l.polrelid, NULL, 'policy', d.refobjid
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_policy l ON l.oid OPERATOR(pg_catalog.=) d.objid
    WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_policy'::pg_catalog.regclass::pg_catalog.oid
      AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
  UNION ALL
  SELECT r.ev_class, NULL, CASE WHEN r.rulename OPERATOR(pg_catalog.=) '_RETURN'::pg_catalog.name THEN 'view' ELSE 'rule' END, d.refobjid
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid OPERATOR(pg_catalog.=) d.objid
    WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
      AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
) w
JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) w.function
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
WHERE p.oid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID}
ORDER BY w.relation, w.domain, w.by, n.nspname, p.proname"""

# Which columns a generated column is computed from: labels flow along (threats.md 14).
_GENERATED = """
SELECT pg_catalog.json_build_object('relation', f.adrelid::pg_catalog.int8, 'column', g.attname, 'source', s.attname)::pg_catalog.text
FROM pg_catalog.pg_attrdef f
JOIN pg_catalog.pg_attribute g ON g.attrelid OPERATOR(pg_catalog.=) f.adrelid AND g.attnum OPERATOR(pg_catalog.=) f.adnum
JOIN pg_catalog.pg_depend d ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
  AND d.refobjid OPERATOR(pg_catalog.=) f.adrelid AND d.refobjsubid OPERATOR(pg_catalog.<>) 0
  AND (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid AND d.objid OPERATOR(pg_catalog.=) f.oid
    OR d.classid OPERATOR(pg_catalog.=) d.refclassid AND d.objid OPERATOR(pg_catalog.=) f.adrelid
      AND d.objsubid OPERATOR(pg_catalog.=) f.adnum::pg_catalog.int4)
JOIN pg_catalog.pg_attribute s ON s.attrelid OPERATOR(pg_catalog.=) f.adrelid AND s.attnum::pg_catalog.int4 OPERATOR(pg_catalog.=) d.refobjsubid
WHERE g.attgenerated OPERATOR(pg_catalog.<>) ''::pg_catalog."char" AND s.attnum OPERATOR(pg_catalog.<>) g.attnum
ORDER BY f.adrelid, g.attnum, s.attnum"""

_FUNCTIONS = f"""
SELECT pg_catalog.json_build_object('schema', {_SCHEMA}, 'name', p.proname,
  'arguments', pg_catalog.pg_get_function_identity_arguments(p.oid), 'kind', p.prokind, 'volatility', p.provolatile,
  'language', l.lanname, 'definer', p.prosecdef, 'owner', pg_catalog.pg_get_userbyid(p.proowner),
  'extension', {_EXTENSION.format(table="pg_catalog.pg_proc", oid="p.oid")})::pg_catalog.text
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang
WHERE p.oid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID} AND {_VISIBLE}
ORDER BY p.oid"""

_OPERATORS = f"""
SELECT pg_catalog.json_build_object('schema', {_SCHEMA}, 'name', o.oprname,
  'own_types', (o.oprleft OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR o.oprleft OPERATOR(pg_catalog.>=) {_FIRST_USER_OID})
    AND (o.oprright OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR o.oprright OPERATOR(pg_catalog.>=) {_FIRST_USER_OID}),
  'function_schema', fn.nspname, 'function', p.proname,
  'extension', {_EXTENSION.format(table="pg_catalog.pg_operator", oid="o.oid")})::pg_catalog.text
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) o.oprnamespace
JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) o.oprcode::pg_catalog.oid
JOIN pg_catalog.pg_namespace fn ON fn.oid OPERATOR(pg_catalog.=) p.pronamespace
WHERE (o.oid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID} OR p.oid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID}) AND {_VISIBLE}
ORDER BY o.oid"""

_TYPES = f"""
SELECT pg_catalog.json_build_object('oid', t.oid::pg_catalog.int8, 'schema', {_SCHEMA}, 'name', t.typname, 'kind', t.typtype,
  'base', b.typname, 'checked', t.typtype OPERATOR(pg_catalog.=) 'd'::pg_catalog."char" AND EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k
    WHERE k.contypid OPERATOR(pg_catalog.=) t.oid),
  'extension', {_EXTENSION.format(table="pg_catalog.pg_type", oid="t.oid")})::pg_catalog.text
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
LEFT JOIN pg_catalog.pg_type b ON b.oid OPERATOR(pg_catalog.=) t.typbasetype
WHERE t.oid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID} AND {_VISIBLE}
  AND t.typtype OPERATOR(pg_catalog.=) ANY (ARRAY['d','e','b','r','m','c']::pg_catalog."char"[])
  AND t.typelem OPERATOR(pg_catalog.=) 0::pg_catalog.oid
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) t.typrelid
    AND c.relkind OPERATOR(pg_catalog.<>) 'c'::pg_catalog."char")
ORDER BY t.oid"""

_CASTS = f"""
SELECT pg_catalog.json_build_object('source', s.typname, 'target', t.typname, 'function_schema', n.nspname, 'function', p.proname,
  'context', c.castcontext, 'extension', {_EXTENSION.format(table="pg_catalog.pg_cast", oid="c.oid")})::pg_catalog.text
FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type s ON s.oid OPERATOR(pg_catalog.=) c.castsource
JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) c.casttarget
JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) c.castfunc
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
WHERE c.oid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID} AND p.oid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID}
ORDER BY c.oid"""

_SCHEMAS = f"""
SELECT pg_catalog.json_build_object('name', {_SCHEMA}, 'owner', pg_catalog.pg_get_userbyid(n.nspowner))::pg_catalog.text
FROM pg_catalog.pg_namespace n WHERE {_VISIBLE} ORDER BY n.oid"""

_EVENT_TRIGGERS = """
SELECT pg_catalog.json_build_object('name', e.evtname, 'event', e.evtevent, 'schema', n.nspname, 'function', p.proname)::pg_catalog.text
FROM pg_catalog.pg_event_trigger e JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) e.evtfoid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
WHERE e.evtenabled OPERATOR(pg_catalog.<>) 'D'::pg_catalog."char" ORDER BY e.oid"""

_SERVER = """
SELECT pg_catalog.json_build_object('version', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'encoding', pg_catalog.getdatabaseencoding())::pg_catalog.text"""

QUERIES: dict[str, str] = {
    "server": _SERVER,
    "schemas": _SCHEMAS,
    "relations": _RELATIONS,
    "keys": _KEYS,
    "foreign_keys": _FOREIGN_KEYS,
    "triggers": _TRIGGERS,
    "views": _VIEWS,
    "inheritance": _INHERITANCE,
    "code": _CODE,
    "generated": _GENERATED,
    "functions": _FUNCTIONS,
    "operators": _OPERATORS,
    "types": _TYPES,
    "casts": _CASTS,
    "event_triggers": _EVENT_TRIGGERS,
    "sizes": _SIZES,
}


def _stamps(table: str, oid: str, extra: str = "", where: str = "") -> str:
    """(object, xmin) pairs of one system table: a sum of xmin collides, a hash over the pairs does not (threats.md 12)."""
    key = f"{oid}::pg_catalog.text OPERATOR(pg_catalog.||) ':' OPERATOR(pg_catalog.||) {extra} x.xmin::pg_catalog.text"
    return f"SELECT '{table}' AS source, {key} AS stamp FROM pg_catalog.{table} x {where}"


_NOT_TEMP = (
    "JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) x.{column} "
    "AND c.relpersistence OPERATOR(pg_catalog.<>) 't'::pg_catalog.\"char\" "
    "AND c.relkind OPERATOR(pg_catalog.<>) 't'::pg_catalog.\"char\""
)

_STAMPED = " UNION ALL ".join(
    [
        _stamps("pg_class", "x.oid", where=_NOT_TEMP.format(column="oid")),
        _stamps(
            "pg_attribute",
            "x.attrelid",
            "x.attnum::pg_catalog.text OPERATOR(pg_catalog.||) ':' OPERATOR(pg_catalog.||)",
            _NOT_TEMP.format(column="attrelid") + f" WHERE x.attrelid OPERATOR(pg_catalog.>=) {_FIRST_USER_OID}",
        ),
        *(
            _stamps(table, "x.oid")
            for table in (
                "pg_constraint pg_trigger pg_rewrite pg_proc pg_operator pg_cast pg_namespace pg_policy pg_event_trigger"
            ).split()
        ),
        _stamps("pg_index", "x.indexrelid", where=_NOT_TEMP.format(column="indexrelid")),
        _stamps("pg_inherits", "x.inhrelid"),
        _stamps("pg_attrdef", "x.oid", where=_NOT_TEMP.format(column="adrelid")),
        _stamps("pg_type", "x.oid", where="WHERE x.typrelid OPERATOR(pg_catalog.=) 0::pg_catalog.oid"),
    ]
)

FINGERPRINT: str = f"""
SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(coalesce(pg_catalog.string_agg(
  s.source OPERATOR(pg_catalog.||) s.stamp, ',' ORDER BY s.source COLLATE pg_catalog."C", s.stamp COLLATE pg_catalog."C"), ''), 'UTF8')), 'hex')
FROM ({_STAMPED}) s"""
