-- In what a table beside a partitioned table is not like it, as far as ATTACH PARTITION refuses or
-- mends it under its locks; a column's default too. One row a difference: what it is, its name, what
-- the partitioned table has (as SQL), what the other has, and the condition of rows that keep it
-- out, null if none can or none is known beforehand.
WITH pair AS (
    SELECT
        p.oid AS parent,
        c.oid AS child,
        pg_catalog.quote_ident(c.relname) AS ident
    FROM pg_catalog.pg_class AS p
    INNER JOIN pg_catalog.pg_class AS c ON c.relnamespace = p.relnamespace AND c.relname = %(partition)s
    WHERE p.relnamespace = schema_oid(%(schema)s) AND p.relname = %(table)s
),

-- a column of either, with its type and collation, its default and whether it is NOT NULL
own AS (
    SELECT
        a.attrelid AS relation,
        a.attnum AS number,
        a.attname AS name,
        pg_catalog.quote_ident(a.attname) AS ident,
        pg_catalog.format_type(a.atttypid, a.atttypmod)
        || coalesce(' COLLATE ' || nullif(a.attcollation, t.typcollation)::regcollation::text, '')
        || CASE
            WHEN a.attgenerated = '' THEN ''
            ELSE
                ' GENERATED ALWAYS AS (' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ')'
                || CASE a.attgenerated WHEN 's' THEN ' STORED' ELSE '' END
        END AS kind,
        CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END AS initial,
        a.attgenerated <> '' AS computed,
        a.attnotnull AS filled
    FROM pair
    INNER JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid IN (pair.parent, pair.child) AND a.attnum > 0 AND NOT a.attisdropped
    INNER JOIN pg_catalog.pg_type AS t ON a.atttypid = t.oid
    LEFT JOIN pg_catalog.pg_attrdef AS d ON a.attrelid = d.adrelid AND a.attnum = d.adnum
),

col AS (
    SELECT
        coalesce(m.name, h.name) AS name,
        coalesce(m.ident, h.ident) AS ident,
        m.name IS NOT NULL AS wanted,
        h.name IS NOT NULL AS there,
        m.kind AS wanted_kind,
        h.kind,
        m.initial AS wanted_initial,
        h.initial,
        m.computed,
        m.filled AS wanted_filled,
        h.filled
    FROM (SELECT o.* FROM own AS o INNER JOIN pair ON o.relation = pair.parent) AS m
    FULL JOIN (SELECT o.* FROM own AS o INNER JOIN pair ON o.relation = pair.child) AS h ON m.name = h.name
),

-- an index's definition from its access method on: what comes before names the index and its table
idx AS (
    SELECT
        i.indrelid AS relation,
        i.indexrelid,
        i.indisunique AS is_unique,
        x.relname AS name,
        pg_catalog.substr(
            pg_catalog.pg_get_indexdef(i.indexrelid),
            1 + pg_catalog.length(
                pg_catalog.format(
                    'CREATE %%sINDEX %%I ON %%s%%I.%%I ',
                    CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname,
                    CASE WHEN r.relkind = 'p' THEN 'ONLY ' ELSE '' END, n.nspname, r.relname
                )
            )
        ) AS definition,
        k.conname AS key,
        CASE WHEN k.oid IS NOT NULL THEN pg_catalog.pg_get_constraintdef(k.oid) END AS key_definition,
        CASE
            WHEN i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
                THEN (
                    SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY u.place)
                    FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS u (number, place)
                    INNER JOIN pg_catalog.pg_attribute AS a ON i.indrelid = a.attrelid AND u.number = a.attnum
                    WHERE u.place <= i.indnkeyatts
                )
        END AS columns
    FROM pair
    INNER JOIN pg_catalog.pg_index AS i ON i.indrelid IN (pair.parent, pair.child)
    INNER JOIN pg_catalog.pg_class AS x ON i.indexrelid = x.oid
    INNER JOIN pg_catalog.pg_class AS r ON i.indrelid = r.oid
    INNER JOIN pg_catalog.pg_namespace AS n ON r.relnamespace = n.oid
    LEFT JOIN pg_catalog.pg_constraint AS k
        ON i.indrelid = k.conrelid AND i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
    WHERE i.indrelid = pair.parent OR i.indisvalid
),

finding AS (
    SELECT 1 AS rank, 'column too many' AS kind, name, null AS wanted, kind AS found, null AS broken
    FROM col WHERE there AND wanted IS NOT TRUE

    UNION ALL
    SELECT 2, 'type', name, wanted_kind, kind, null
    FROM col WHERE there AND wanted AND wanted_kind <> kind

    UNION ALL
    SELECT 3, 'column', name,
        wanted_kind || coalesce(' DEFAULT ' || wanted_initial, '') || CASE WHEN wanted_filled THEN ' NOT NULL' ELSE '' END,
        null,
        CASE WHEN wanted_filled AND wanted_initial IS NULL AND NOT computed THEN 'true' END
    FROM col WHERE wanted AND there IS NOT TRUE

    UNION ALL
    SELECT 4, 'default', name, wanted_initial, initial, null
    FROM col WHERE there AND wanted AND NOT computed AND wanted_initial IS DISTINCT FROM initial

    UNION ALL
    SELECT 5, 'not null', name, ident || ' IS NOT NULL', null, ident || ' IS NULL'
    FROM col WHERE there AND wanted AND wanted_filled AND NOT filled

    UNION ALL
    SELECT
        6, 'check', k.conname,
        pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', ''),
        pg_catalog.pg_get_constraintdef(h.oid),
        -- rows that are there have no values yet in columns that they are to get
        CASE
            WHEN NOT EXISTS (
                SELECT FROM own AS o INNER JOIN col ON o.name = col.name
                WHERE o.relation = k.conrelid AND o.number = any(k.conkey) AND NOT col.there
            ) THEN 'NOT (' || pg_catalog.pg_get_expr(k.conbin, k.conrelid) || ')'
        END
    FROM pair
    INNER JOIN pg_catalog.pg_constraint AS k ON pair.parent = k.conrelid AND k.contype = 'c' AND NOT k.connoinherit
    LEFT JOIN pg_catalog.pg_constraint AS h ON pair.child = h.conrelid AND h.contypid = 0 AND k.conname = h.conname
    WHERE
        h.oid IS NULL
        OR NOT h.convalidated
        OR pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', '')
        <> pg_catalog.pg_get_constraintdef(h.oid)

    UNION ALL
    SELECT
        7, CASE WHEN m.key IS NOT NULL THEN 'key' WHEN m.is_unique THEN 'unique index' ELSE 'index' END,
        coalesce(m.key, m.name), coalesce(m.key_definition, m.definition), null,
        CASE
            WHEN m.columns IS NOT NULL
                THEN
                    pg_catalog.format(
                        '(%%1$s) IN (SELECT %%1$s FROM %%2$s GROUP BY %%1$s HAVING count(*) > 1)',
                        m.columns, pair.ident
                    )
        END
    FROM pair INNER JOIN idx AS m ON pair.parent = m.relation
    WHERE NOT EXISTS (
        SELECT FROM idx AS h
        WHERE
            h.relation = pair.child
            AND h.is_unique = m.is_unique
            AND h.definition = m.definition
            AND h.key_definition IS NOT DISTINCT FROM m.key_definition
    )

    UNION ALL
    SELECT
        8, 'foreign key', k.conname, pg_catalog.pg_get_constraintdef(k.oid), null,
        (
            SELECT
                pg_catalog.string_agg(pg_catalog.format('%%s.%%I IS NOT NULL', pair.ident, a.attname), ' AND ')
                || pg_catalog.format(' AND NOT EXISTS (SELECT FROM %%s AS r WHERE ', k.confrelid::regclass)
                || pg_catalog.string_agg(pg_catalog.format('r.%%I = %%s.%%I', f.attname, pair.ident, a.attname), ' AND ')
                || ')'
            FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) AS u (own, other)
            INNER JOIN pg_catalog.pg_attribute AS a ON k.conrelid = a.attrelid AND u.own = a.attnum
            INNER JOIN pg_catalog.pg_attribute AS f ON k.confrelid = f.attrelid AND u.other = f.attnum
        )
    FROM pair
    INNER JOIN pg_catalog.pg_constraint AS k
        ON pair.parent = k.conrelid AND k.contype = 'f' AND k.conparentid = 0
    WHERE
        NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint AS h
            WHERE
                h.conrelid = pair.child AND h.contype = 'f' AND h.convalidated
                AND h.confrelid = k.confrelid
                AND pg_catalog.pg_get_constraintdef(h.oid) = pg_catalog.pg_get_constraintdef(k.oid)
        )
)

SELECT kind, name, wanted, found, broken FROM finding ORDER BY rank, name
