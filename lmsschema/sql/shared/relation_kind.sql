-- relation_kind(relkind): the kind of a relation, as lmsschema names it.
SELECT
    CASE %(relkind)s
        WHEN 'v' THEN 'view'
        WHEN 'm' THEN 'materialized view'
        WHEN 'S' THEN 'sequence'
        WHEN 'f' THEN 'foreign table'
        ELSE 'table'
    END
