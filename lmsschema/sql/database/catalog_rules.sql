-- Triggers, rules, policies and extended statistics of tables.
WITH mine AS (SELECT relations_of(current_schema()) AS oids)

SELECT
    c.relname AS relation,
    'trigger' AS kind,
    coalesce(parent.tgname, t.tgname) AS name,
    json_build_object(
        'definition', replace(
            pg_get_triggerdef(t.oid),
            concat(' ON ', quote_ident(current_schema()), '.', quote_ident(c.relname), ' '),
            concat(' ON ', quote_ident(coalesce(parent_table.relname, c.relname)), ' ')
        ),
        'inherited', parent.oid IS NOT NULL,
        'enabled', enabled_when(t.tgenabled),
        'comment', comment_on('pg_trigger'::regclass, t.oid, 0)
    ) AS attributes
FROM pg_class AS c
INNER JOIN pg_trigger AS t ON c.oid = t.tgrelid AND NOT t.tgisinternal
LEFT JOIN pg_trigger AS parent ON t.tgparentid = parent.oid
LEFT JOIN pg_class AS parent_table ON parent.tgrelid = parent_table.oid
WHERE c.oid = any((SELECT m.oids FROM mine AS m)::oid [])
UNION ALL
SELECT
    c.relname AS relation,
    'rule' AS kind,
    r.rulename AS name,
    json_build_object(
        'definition', replace(
            pg_get_ruledef(r.oid),
            concat(' TO ', quote_ident(current_schema()), '.', quote_ident(c.relname), ' '),
            concat(' TO ', quote_ident(c.relname), ' ')
        ),
        'enabled', enabled_when(r.ev_enabled),
        'comment', comment_on('pg_rewrite'::regclass, r.oid, 0)
    ) AS attributes
FROM pg_class AS c
INNER JOIN pg_rewrite AS r ON c.oid = r.ev_class
WHERE
    c.oid = any((SELECT m.oids FROM mine AS m)::oid [])
    AND NOT (c.relkind IN ('v', 'm') AND r.rulename = '_RETURN')
UNION ALL
SELECT
    c.relname AS relation,
    'policy' AS kind,
    p.polname AS name,
    json_build_object(
        'command', CASE p.polcmd
            WHEN 'r' THEN 'SELECT'
            WHEN 'a' THEN 'INSERT'
            WHEN 'w' THEN 'UPDATE'
            WHEN 'd' THEN 'DELETE'
            ELSE 'ALL'
        END,
        'permissive', p.polpermissive,
        'roles', (
            SELECT
                array_agg(
                    CASE r WHEN 0 THEN 'public' ELSE r::regrole::text END
                    ORDER BY r::regrole::text COLLATE "C"
                )
            FROM unnest(p.polroles) AS r
        ),
        'using', pg_get_expr(p.polqual, p.polrelid),
        'with check', pg_get_expr(p.polwithcheck, p.polrelid),
        'comment', comment_on('pg_policy'::regclass, p.oid, 0)
    ) AS attributes
FROM pg_class AS c
INNER JOIN pg_policy AS p ON c.oid = p.polrelid
WHERE c.oid = any((SELECT m.oids FROM mine AS m)::oid [])
UNION ALL
SELECT
    c.relname AS relation,
    'statistics' AS kind,
    s.stxname AS name,
    json_build_object(
        'columns', pg_get_statisticsobjdef_columns(s.oid),
        'kinds', (SELECT string_agg(k::text, '' ORDER BY k::text) FROM unnest(s.stxkind) AS k),
        'target', nullif(s.stxstattarget, -1),
        'comment', comment_on('pg_statistic_ext'::regclass, s.oid, 0)
    ) AS attributes
FROM pg_class AS c
INNER JOIN pg_statistic_ext AS s ON c.oid = s.stxrelid
WHERE c.oid = any((SELECT m.oids FROM mine AS m)::oid [])
ORDER BY relation, kind, name
