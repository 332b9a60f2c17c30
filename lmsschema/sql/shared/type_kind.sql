-- type_kind(typtype): the kind of a type, as lmsschema names it.
SELECT
    CASE %(typtype)s
        WHEN 'e' THEN 'enum'
        WHEN 'd' THEN 'domain'
        WHEN 'c' THEN 'composite type'
        WHEN 'r' THEN 'range type'
        ELSE 'type'
    END
