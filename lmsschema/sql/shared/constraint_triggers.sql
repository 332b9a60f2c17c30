-- constraint_triggers(constraint): when the triggers fire that enforce a constraint (tgenabled of each).
SELECT pg_catalog.string_agg(DISTINCT tg.tgenabled::text, '')
FROM pg_catalog.pg_trigger AS tg
WHERE tg.tgconstraint = %(constraint)s AND tg.tgisinternal
