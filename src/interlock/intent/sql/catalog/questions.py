"""The questions that fill a catalogue snapshot: one column of JSON text a row, no name left to the search path.

They run on PostgreSQL 15 to 18 over any driver. Every relation, function, type and operator is spelled with pg_catalog,
because a schema earlier in the path may hold others that match better (threats.md 11): below, `@` stands for it, as in
`@pg_class`, `@=`. The session's own temporary schema is called `pg_temp`, other sessions' are left out.
"""

import re


def spelled(sql: str) -> str:
    """`@name` becomes pg_catalog.name, `@=` becomes OPERATOR(pg_catalog.=)."""
    sql = re.sub(r'@([a-z"])', r"pg_catalog.\1", sql)
    return re.sub(r"@([=<>!~|]+)", r"OPERATOR(pg_catalog.\1)", sql)


_SCHEMA = "CASE WHEN n.oid @= @pg_my_temp_schema() THEN 'pg_temp'::@text ELSE n.nspname::@text END"
_VISIBLE = "(NOT @pg_is_other_temp_schema(n.oid) AND n.nspname @!~ '^pg_(toast|temp_)'"
_VISIBLE += " OR n.oid @= @pg_my_temp_schema())"
FIRST_USER_OID = "16384::@oid"  # access/transam.h: FirstNormalObjectId

_EXTENSION = """(SELECT e.extname FROM @pg_depend x
  JOIN @pg_extension e ON e.oid @= x.refobjid
  WHERE x.classid @= '{table}'::@regclass::@oid AND x.objid @= {oid}
    AND x.refclassid @= '@pg_extension'::@regclass::@oid
    AND x.deptype @= 'e'::@"char" LIMIT 1)"""

_RELATIONS = f"""
SELECT @json_build_object('oid', c.oid::@int8, 'schema', {_SCHEMA}, 'name', c.relname, 'kind', c.relkind,
  'persistence', c.relpersistence, 'owner', @pg_get_userbyid(c.relowner), 'rls', c.relrowsecurity,
  'columns', coalesce((SELECT @json_agg(@json_build_array(a.attname, t.typname, tn.nspname, a.attnotnull,
        a.attgenerated @<> ''::@"char", a.attnum) ORDER BY a.attnum)
     FROM @pg_attribute a JOIN @pg_type t ON t.oid @= a.atttypid
     JOIN @pg_namespace tn ON tn.oid @= t.typnamespace
     WHERE a.attrelid @= c.oid AND a.attnum @> 0::@int2 AND NOT a.attisdropped),
     '[]'::@json),
  'rules', (SELECT @count(*) FROM @pg_rewrite r WHERE r.ev_class @= c.oid
     AND r.rulename @<> '_RETURN'::@name))::@text
FROM @pg_class c JOIN @pg_namespace n ON n.oid @= c.relnamespace
WHERE {_VISIBLE} AND (c.relkind @<> ALL (ARRAY['i','I','c','t']::@"char"[])
  OR c.oid @>= {FIRST_USER_OID} AND c.relkind @<> 't'::@"char")
ORDER BY c.oid"""

_SIZES = f"""
SELECT @json_build_object('oid', c.oid::@int8, 'rows', c.reltuples, 'pages', c.relpages)::@text
FROM @pg_class c JOIN @pg_namespace n ON n.oid @= c.relnamespace
WHERE {_VISIBLE} AND c.oid @>= {FIRST_USER_OID}
  AND c.relkind @= ANY (ARRAY['r','p','m']::@"char"[])
ORDER BY c.oid"""

# A key proves a row unique only if it is whole, immediate and compared as its columns compare by themselves.
_KEYS = f"""
SELECT @json_build_object('relation', i.indrelid::@int8, 'columns',
  (SELECT @json_agg(a.attname ORDER BY k.place) FROM @unnest(i.indkey::@int2[])
     WITH ORDINALITY AS k(attnum, place)
     JOIN @pg_attribute a ON a.attrelid @= i.indrelid AND a.attnum @= k.attnum
     WHERE k.place @<= i.indnkeyatts::@int8))::@text
FROM @pg_index i
WHERE i.indisunique AND i.indimmediate AND i.indisvalid AND i.indisready AND i.indislive
  AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indrelid @>= {FIRST_USER_OID}
  AND NOT EXISTS (SELECT 1 FROM ROWS FROM (@unnest(i.indkey::@int2[]),
      @unnest(i.indcollation::@oid[]), @unnest(i.indclass::@oid[]))
      WITH ORDINALITY AS k(attnum, collation_oid, class_oid, place)
    JOIN @pg_attribute a ON a.attrelid @= i.indrelid AND a.attnum @= k.attnum
    JOIN @pg_opclass o ON o.oid @= k.class_oid
    WHERE k.place @<= i.indnkeyatts::@int8
      AND (k.collation_oid @<> a.attcollation OR NOT o.opcdefault))
ORDER BY i.indexrelid"""

_FOREIGN_KEYS = """
SELECT @json_build_object('name', k.conname, 'child', k.conrelid::@int8, 'parent', k.confrelid::@int8,
  'child_columns', (SELECT @json_agg(a.attname ORDER BY u.place)
    FROM @unnest(k.conkey) WITH ORDINALITY AS u(attnum, place)
    JOIN @pg_attribute a ON a.attrelid @= k.conrelid AND a.attnum @= u.attnum),
  'parent_columns', (SELECT @json_agg(a.attname ORDER BY u.place)
    FROM @unnest(k.confkey) WITH ORDINALITY AS u(attnum, place)
    JOIN @pg_attribute a ON a.attrelid @= k.confrelid AND a.attnum @= u.attnum),
  'on_delete', k.confdeltype, 'on_update', k.confupdtype)::@text
FROM @pg_constraint k
WHERE k.contype @= 'f'::@"char" AND k.conparentid @= 0::@oid
ORDER BY k.oid"""

_TRIGGERS = """
SELECT @json_build_object('relation', t.tgrelid::@int8, 'name', t.tgname, 'events', t.tgtype,
  'schema', n.nspname, 'function', p.proname)::@text
FROM @pg_trigger t JOIN @pg_proc p ON p.oid @= t.tgfoid
JOIN @pg_namespace n ON n.oid @= p.pronamespace
WHERE NOT t.tgisinternal AND t.tgenabled @<> 'D'::@"char"
ORDER BY t.oid"""

# pg_depend keeps no edge to what initdb pinned: a view over pg_authid, a default that calls pg_read_file. The stored
# trees name them by oid.
_VIEWS = f"""
SELECT @json_build_object('view', r.ev_class::@int8, 'relation', c.oid::@int8, 'columns',
  (SELECT @json_agg(a.attname ORDER BY a.attnum) FROM @pg_attribute a
    WHERE a.attrelid @= c.oid AND a.attnum @> 0::@int2))::@text
FROM @pg_rewrite r
JOIN @pg_class c ON c.oid @< {FIRST_USER_OID}
  AND c.oid @= ANY (ARRAY(SELECT m.found[1]::@oid
    FROM @regexp_matches(r.ev_action::@text, ':relid (\\d+)', 'g') AS m(found)))
WHERE r.ev_class @>= {FIRST_USER_OID} AND NOT EXISTS (SELECT 1 FROM @pg_depend d
  WHERE d.classid @= '@pg_rewrite'::@regclass::@oid AND d.objid @= r.oid
    AND d.refclassid @= '@pg_class'::@regclass::@oid AND d.refobjid @= c.oid)
UNION ALL (
SELECT @json_build_object('view', r.ev_class::@int8, 'relation', d.refobjid::@int8,
  'columns', coalesce(@json_agg(DISTINCT a.attname) FILTER (WHERE a.attname IS NOT NULL), '[]'::@json))::@text
FROM @pg_rewrite r
JOIN @pg_depend d ON d.classid @= '@pg_rewrite'::@regclass::@oid
  AND d.objid @= r.oid
  AND d.refclassid @= '@pg_class'::@regclass::@oid
  AND d.refobjid @<> r.ev_class
LEFT JOIN @pg_attribute a ON a.attrelid @= d.refobjid
  AND a.attnum::@int4 @= d.refobjsubid AND a.attnum @> 0::@int2
WHERE r.ev_class @>= {FIRST_USER_OID}
GROUP BY r.ev_class, d.refobjid ORDER BY r.ev_class, d.refobjid)"""

# What a view is, by numbers, without what no column's origin depends on, and without what is zero or false.
_LEFT_OUT = (
    r" :(?:(?:alias|eref) \{ALIAS (?:[^{}\\]|\\.)*\}|constvalue \d+ \[[- \d]*\]|\w+ (?:<>|false)"
    r"|(?:selected|inserted|updated|extraUpdated)Cols \(b[ \d]*\)|varnullingrels \(b[ \d]*\)"
    r"|(?:varlevelsup|rtekind|ctelevelsup|ressortgroupref) 0\M|(?:(?:var|const|func|opresult)(?:type|typmod)"
    r"|(?:var|const|func|opcoll|inputcoll|result)coll(?:id)?|opcollid|inputcollid|varreturningtype|varnosyn|varattnosyn"
    r"|location|opno|opfuncid|constlen|requiredPerms|checkAsUser|rellockmode|perminfoindex|resorigtbl|resorigcol)"
    r" -?\d+\M|(?:constbyval|inh|inFromCl) true)"
)
_TREES = f"""
SELECT @json_build_object('view', r.ev_class::@int8,
  'tree', @regexp_replace(r.ev_action::@text, '{_LEFT_OUT}', '', 'g'))::@text
FROM @pg_rewrite r JOIN @pg_class c ON c.oid @= r.ev_class
WHERE r.ev_class @>= {FIRST_USER_OID} AND r.rulename @= '_RETURN'::@name ORDER BY r.ev_class"""

_INHERITANCE = """
SELECT @json_build_object('child', i.inhrelid::@int8, 'parent', i.inhparent::@int8)::@text
FROM @pg_inherits i ORDER BY i.inhrelid, i.inhseqno"""

# What a CHECK says, as the tree that the server keeps: pg_get_expr would wait for whoever alters the table. `names` are
# those of the server's operators and functions in it; one that calls code of users says nothing.
_CHECKS = f"""
SELECT @json_build_object('relation', CASE WHEN k.conrelid @<> 0::@oid THEN k.conrelid::@int8 END,
  'domain', CASE WHEN k.contypid @<> 0::@oid THEN k.contypid::@int8 END, 'alone', k.connoinherit,
  'columns', coalesce((SELECT @json_agg(a.attname ORDER BY a.attnum) FROM @pg_attribute a
    WHERE a.attrelid @= k.conrelid AND a.attnum @= ANY (k.conkey)), '[]'::@json),
  'names', coalesce((SELECT @json_object_agg(n.key, n.name) FROM (
    SELECT 'o' @|| o.oid::@text, o.oprname::@text FROM @pg_operator o WHERE o.oid @< {FIRST_USER_OID}
      AND o.oid @= ANY (ARRAY(SELECT m.found[1]::@oid
        FROM @regexp_matches(k.conbin::@text, ':opno (\\d+)', 'g') AS m(found)))
    UNION ALL
    SELECT 'f' @|| p.oid::@text, p.proname::@text FROM @pg_proc p WHERE p.oid @< {FIRST_USER_OID}
      AND p.oid @= ANY (ARRAY(SELECT m.found[1]::@oid
        FROM @regexp_matches(k.conbin::@text, ':funcid (\\d+)', 'g') AS m(found)))) AS n(key, name)), '{{}}'::@json),
  'tree', k.conbin::@text)::@text
FROM @pg_constraint k
WHERE k.contype @= 'c'::@"char" AND k.convalidated AND k.conbin IS NOT NULL AND k.oid @>= {FIRST_USER_OID}
ORDER BY k.oid"""

# User code that runs because a relation or a type is touched: defaults, checks, expression indexes, policies, views.
# A value of an array, a composite or a row runs the checks of the domains inside it, however deep. Nor need anybody
# write the functions of an implicit cast, or those that sort and compare: a column of such a type is enough.
_CODE = f"""
WITH RECURSIVE inside(inner_type, outer_type) AS (
  SELECT t.typbasetype, t.oid FROM @pg_type t WHERE t.typbasetype @<> 0::@oid
  UNION ALL
  SELECT t.typelem, t.oid FROM @pg_type t WHERE t.typelem @<> 0::@oid AND t.oid @>= {FIRST_USER_OID}
  UNION ALL
  SELECT a.atttypid, c.reltype FROM @pg_attribute a JOIN @pg_class c ON c.oid @= a.attrelid
    WHERE a.attnum @> 0::@int2 AND NOT a.attisdropped AND c.reltype @<> 0::@oid AND c.oid @>= {FIRST_USER_OID}
  UNION ALL
  SELECT r.rngsubtype, r.rngtypid FROM @pg_range r
  UNION ALL
  SELECT r.rngtypid, r.rngmultitypid FROM @pg_range r
), unasked(type, function) AS (
  SELECT t.type, c.castfunc FROM @pg_cast c, @unnest(ARRAY[c.castsource, c.casttarget]) AS t(type)
    WHERE c.castcontext @= 'i'::@"char" AND c.castfunc @>= {FIRST_USER_OID} AND t.type @>= {FIRST_USER_OID}
      AND {_EXTENSION.format(table="@pg_cast", oid="c.oid")} IS NULL
  UNION
  SELECT o.opcintype, u.function FROM @pg_opclass o CROSS JOIN LATERAL (
      SELECT f.amproc::@oid FROM @pg_amproc f WHERE f.amprocfamily @= o.opcfamily AND f.amproclefttype @= o.opcintype
      UNION ALL
      SELECT p.oprcode::@oid FROM @pg_amop a JOIN @pg_operator p ON p.oid @= a.amopopr
        WHERE a.amopfamily @= o.opcfamily AND a.amoplefttype @= o.opcintype) AS u(function)
    WHERE o.opcdefault AND o.oid @>= {FIRST_USER_OID} AND u.function @>= {FIRST_USER_OID}
      AND {_EXTENSION.format(table="@pg_opclass", oid="o.oid")} IS NULL
), held(domain, type) AS (
  SELECT k.contypid, k.contypid FROM @pg_constraint k WHERE k.contypid @<> 0::@oid
  UNION
  SELECT u.type, u.type FROM unasked u
  UNION
  SELECT h.domain, i.outer_type FROM held h JOIN inside i ON i.inner_type @= h.type
), kept(relation, domain, by, tree) AS (
  SELECT f.adrelid, NULL::@oid, 'default', f.adbin::@text FROM @pg_attrdef f
  UNION ALL
  SELECT k.conrelid, k.contypid, 'check', k.conbin::@text FROM @pg_constraint k WHERE k.conbin IS NOT NULL
  UNION ALL
  SELECT i.indrelid, NULL, 'index', @concat(i.indexprs::@text, i.indpred::@text) FROM @pg_index i
    WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
  UNION ALL
  SELECT l.polrelid, NULL, 'policy', @concat(l.polqual::@text, l.polwithcheck::@text) FROM @pg_policy l
  UNION ALL
  SELECT t.partrelid, NULL, 'check', t.partexprs::@text FROM @pg_partitioned_table t WHERE t.partexprs IS NOT NULL
  UNION ALL
  SELECT r.ev_class, NULL, CASE WHEN r.rulename @= '_RETURN'::@name THEN 'view' ELSE 'rule' END,
    @concat(r.ev_qual::@text, r.ev_action::@text) FROM @pg_rewrite r WHERE r.ev_class @>= {FIRST_USER_OID}
), called(relation, domain, by, function) AS (
  SELECT k.relation, k.domain, k.by, m.found[1]::@oid
  FROM kept k, @regexp_matches(k.tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\\d+)', 'g') AS m(found)
), touched AS (
  SELECT c.relation, c.domain, c.by, c.function FROM called c JOIN @pg_proc p ON p.oid @= c.function
    WHERE p.provolatile @= 'v'::@"char" AND p.proname @<> ALL (ARRAY['nextval', 'currval', 'random', 'random_normal',
      'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv4', 'uuidv7']::@name[])
      OR p.proname @~ '_to_xml|^pg_stat_get_(backend_)?activity$|^pg_mcv_list_items$'
      OR c.function @>= {FIRST_USER_OID}
  UNION ALL
  SELECT NULL, u.type, 'unasked', u.function FROM unasked u
  UNION ALL
  SELECT f.adrelid AS relation, NULL::@oid AS domain, 'default' AS by, d.refobjid AS function
    FROM @pg_depend d JOIN @pg_attrdef f ON f.oid @= d.objid
    WHERE d.classid @= '@pg_attrdef'::@regclass::@oid
      AND d.refclassid @= '@pg_proc'::@regclass::@oid
  UNION ALL
  SELECT k.conrelid, k.contypid, 'check', d.refobjid
    FROM @pg_depend d JOIN @pg_constraint k ON k.oid @= d.objid
    WHERE d.classid @= '@pg_constraint'::@regclass::@oid
      AND d.refclassid @= '@pg_proc'::@regclass::@oid
  UNION ALL
  SELECT i.indrelid, NULL, 'index', d.refobjid
    FROM @pg_depend d JOIN @pg_index i ON i.indexrelid @= d.objid
    WHERE d.classid @= '@pg_class'::@regclass::@oid
      AND d.refclassid @= '@pg_proc'::@regclass::@oid
  UNION ALL
  SELECT l.polrelid, NULL, 'policy', d.refobjid
    FROM @pg_depend d JOIN @pg_policy l ON l.oid @= d.objid
    WHERE d.classid @= '@pg_policy'::@regclass::@oid
      AND d.refclassid @= '@pg_proc'::@regclass::@oid
  UNION ALL
  SELECT r.ev_class, NULL, CASE WHEN r.rulename @= '_RETURN'::@name THEN 'view' ELSE 'rule' END, d.refobjid
    FROM @pg_depend d JOIN @pg_rewrite r ON r.oid @= d.objid
    WHERE d.classid @= '@pg_rewrite'::@regclass::@oid
      AND d.refclassid @= '@pg_proc'::@regclass::@oid
), code AS (
  SELECT w.relation, NULL::@oid AS type, w.by, w.function FROM touched w
    WHERE w.domain IS NULL OR w.domain @= 0::@oid
  UNION
  SELECT NULL, h.type, 'type', w.function FROM touched w JOIN held h ON h.domain @= w.domain
  UNION
  SELECT a.attrelid, NULL, 'column', w.function FROM touched w JOIN held h ON h.domain @= w.domain
    JOIN @pg_attribute a ON a.atttypid @= h.type AND a.attnum @> 0::@int2 AND NOT a.attisdropped
    JOIN @pg_type t ON t.oid @= h.type AND (t.typtype @<> 'd'::@"char" OR w.by @= 'unasked')
)
SELECT @json_build_object('relation', w.relation::@int8, 'by', w.by, 'schema', n.nspname, 'function', p.proname,
  'type_schema', {_SCHEMA.replace("n.", "s.")}, 'type', t.typname)::@text
FROM code w
JOIN @pg_proc p ON p.oid @= w.function
JOIN @pg_namespace n ON n.oid @= p.pronamespace
LEFT JOIN @pg_type t ON t.oid @= w.type
LEFT JOIN @pg_namespace s ON s.oid @= t.typnamespace
WHERE p.oid @>= {FIRST_USER_OID} OR p.provolatile @= 'v'::@"char" OR p.proname @~ '_to_xml|_activity$|_mcv_'
ORDER BY w.relation, w.type, w.by, n.nspname, p.proname"""

# Which columns a generated column is computed from: labels flow along (threats.md 14).
_GENERATED = """
SELECT @json_build_object('relation', f.adrelid::@int8, 'column', g.attname, 'source', s.attname)::@text
FROM @pg_attrdef f
JOIN @pg_attribute g ON g.attrelid @= f.adrelid AND g.attnum @= f.adnum
JOIN @pg_depend d ON d.refclassid @= '@pg_class'::@regclass::@oid
  AND d.refobjid @= f.adrelid AND d.refobjsubid @<> 0
  AND (d.classid @= '@pg_attrdef'::@regclass::@oid AND d.objid @= f.oid
    OR d.classid @= d.refclassid AND d.objid @= f.adrelid
      AND d.objsubid @= f.adnum::@int4)
JOIN @pg_attribute s ON s.attrelid @= f.adrelid AND s.attnum::@int4 @= d.refobjsubid
WHERE g.attgenerated @<> ''::@"char" AND s.attnum @<> g.attnum
ORDER BY f.adrelid, g.attnum, s.attnum"""

_FUNCTIONS = f"""
SELECT @json_build_object('schema', {_SCHEMA}, 'name', p.proname,
  'arguments', @pg_get_function_identity_arguments(p.oid), 'kind', p.prokind, 'volatility', p.provolatile,
  'language', l.lanname, 'definer', p.prosecdef, 'owner', @pg_get_userbyid(p.proowner),
  'extension', {_EXTENSION.format(table="@pg_proc", oid="p.oid")},
  'body', CASE WHEN l.lanname @= ANY (ARRAY['sql','plpgsql']::@name[])
    THEN coalesce(@pg_get_function_sqlbody(p.oid), p.prosrc) END,
  'names', coalesce(p.proargnames, ARRAY[]::@text[]), 'settings', coalesce(p.proconfig, ARRAY[]::@text[]),
  'calls', coalesce((SELECT @json_agg(@json_build_array(cn.nspname, c.proname))
    FROM @pg_aggregate a JOIN @pg_proc c ON c.oid @= ANY (ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
      a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::@oid[])
    JOIN @pg_namespace cn ON cn.oid @= c.pronamespace
    WHERE a.aggfnoid::@oid @= p.oid), '[]'::@json),
  'types', coalesce((SELECT @json_agg(DISTINCT tn.nspname::@text @|| '.' @|| t.typname::@text)
    FROM @unnest(coalesce(p.proallargtypes, p.proargtypes::@oid[]) @|| p.prorettype) AS s(type)
    JOIN @pg_type t ON t.oid @= s.type JOIN @pg_namespace tn ON tn.oid @= t.typnamespace
    WHERE t.oid @>= {FIRST_USER_OID} OR t.oid @= ANY (SELECT c.casttarget FROM @pg_cast c
      WHERE c.castfunc @>= {FIRST_USER_OID} AND c.castcontext @<> 'e'::@"char")), '[]'::@json),
  'defaults', @pg_get_expr(p.proargdefaults, 0::@oid))::@text
FROM @pg_proc p JOIN @pg_namespace n ON n.oid @= p.pronamespace
JOIN @pg_language l ON l.oid @= p.prolang
WHERE p.oid @>= {FIRST_USER_OID} AND {_VISIBLE}
ORDER BY p.oid"""

_OPERATORS = f"""
SELECT @json_build_object('schema', {_SCHEMA}, 'name', o.oprname,
  'own_types', (o.oprleft @= 0::@oid OR o.oprleft @>= {FIRST_USER_OID})
    AND (o.oprright @= 0::@oid OR o.oprright @>= {FIRST_USER_OID}),
  'function_schema', fn.nspname, 'function', p.proname,
  'extension', {_EXTENSION.format(table="@pg_operator", oid="o.oid")})::@text
FROM @pg_operator o JOIN @pg_namespace n ON n.oid @= o.oprnamespace
JOIN @pg_proc p ON p.oid @= o.oprcode::@oid
JOIN @pg_namespace fn ON fn.oid @= p.pronamespace
WHERE (o.oid @>= {FIRST_USER_OID} OR p.oid @>= {FIRST_USER_OID}) AND {_VISIBLE}
ORDER BY o.oid"""

_TYPES = f"""
SELECT @json_build_object('oid', t.oid::@int8, 'schema', {_SCHEMA}, 'name', t.typname, 'kind', t.typtype,
  'base', b.typname, 'base_schema', bn.nspname, 'labels', coalesce((SELECT @json_agg(
    @json_build_array(e.oid::@int8, e.enumlabel) ORDER BY e.enumsortorder) FROM @pg_enum e WHERE e.enumtypid @= t.oid),
    '[]'::@json), 'checked', t.typtype @= 'd'::@"char" AND EXISTS (SELECT 1 FROM @pg_constraint k
    WHERE k.contypid @= t.oid),
  'extension', {_EXTENSION.format(table="@pg_type", oid="t.oid")})::@text
FROM @pg_type t JOIN @pg_namespace n ON n.oid @= t.typnamespace
LEFT JOIN @pg_type b ON b.oid @= t.typbasetype
LEFT JOIN @pg_namespace bn ON bn.oid @= b.typnamespace
WHERE t.oid @>= {FIRST_USER_OID} AND {_VISIBLE}
  AND t.typtype @= ANY (ARRAY['d','e','b','r','m','c']::@"char"[])
  AND t.typelem @= 0::@oid
  AND NOT EXISTS (SELECT 1 FROM @pg_class c WHERE c.oid @= t.typrelid
    AND c.relkind @<> 'c'::@"char")
ORDER BY t.oid"""

_CASTS = f"""
SELECT @json_build_object('source', s.typname, 'target', t.typname, 'function_schema', n.nspname, 'function', p.proname,
  'context', c.castcontext, 'everywhere', c.castcontext @= 'i'::@"char" AND c.castsource @< {FIRST_USER_OID}
    AND c.casttarget @< {FIRST_USER_OID}, 'extension', {_EXTENSION.format(table="@pg_cast", oid="c.oid")})::@text
FROM @pg_cast c JOIN @pg_type s ON s.oid @= c.castsource
JOIN @pg_type t ON t.oid @= c.casttarget
JOIN @pg_proc p ON p.oid @= c.castfunc
JOIN @pg_namespace n ON n.oid @= p.pronamespace
WHERE c.oid @>= {FIRST_USER_OID}
ORDER BY c.oid"""

_SCHEMAS = f"""
SELECT @json_build_object('name', {_SCHEMA}, 'owner', @pg_get_userbyid(n.nspowner))::@text
FROM @pg_namespace n WHERE {_VISIBLE} ORDER BY n.oid"""

_EVENT_TRIGGERS = """
SELECT @json_build_object('name', e.evtname, 'event', e.evtevent, 'schema', n.nspname, 'function', p.proname)::@text
FROM @pg_event_trigger e JOIN @pg_proc p ON p.oid @= e.evtfoid
JOIN @pg_namespace n ON n.oid @= p.pronamespace
WHERE e.evtenabled @<> 'D'::@"char" ORDER BY e.oid"""

_SERVER = """
SELECT @json_build_object('version', @current_setting('server_version_num')::@int4,
  'encoding', @getdatabaseencoding(), 'settings_readers', coalesce((SELECT @json_agg(r.rolname ORDER BY r.rolname)
    FROM @pg_roles r WHERE @pg_has_role(r.oid, 'pg_read_all_settings', 'MEMBER') AND r.rolname @!~ '^pg_'),
    '[]'::@json), 'commands_hold', @concat_ws('', @current_setting('archive_command', true),
    @current_setting('restore_command', true), @current_setting('archive_cleanup_command', true),
    @current_setting('recovery_end_command', true)) @<> ALL (ARRAY['', '(disabled)']))::@text"""

QUERIES: dict[str, str] = {
    name: spelled(sql)
    for name, sql in {
        "server": _SERVER,
        "schemas": _SCHEMAS,
        "relations": _RELATIONS,
        "keys": _KEYS,
        "foreign_keys": _FOREIGN_KEYS,
        "checks": _CHECKS,
        "triggers": _TRIGGERS,
        "views": _VIEWS,
        "trees": _TREES,
        "inheritance": _INHERITANCE,
        "code": _CODE,
        "generated": _GENERATED,
        "functions": _FUNCTIONS,
        "operators": _OPERATORS,
        "types": _TYPES,
        "casts": _CASTS,
        "event_triggers": _EVENT_TRIGGERS,
        "sizes": _SIZES,
    }.items()
}
