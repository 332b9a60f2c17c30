-- column_names(relation, numbers): the names of columns by their numbers, in the order of these.
SELECT
    ARRAY(
        SELECT col.attname::text
        FROM pg_catalog.unnest(%(numbers)s) WITH ORDINALITY AS pos (number, place)
        INNER JOIN pg_catalog.pg_attribute AS col ON col.attrelid = %(relation)s AND pos.number = col.attnum
        ORDER BY pos.place
    )
