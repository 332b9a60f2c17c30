-- enabled_when(enabled): when a trigger or a rule fires (tgenabled, ev_enabled).
SELECT
    CASE %(enabled)s
        WHEN 'O' THEN 'yes'
        WHEN 'D' THEN 'no'
        WHEN 'R' THEN 'on a replica'
        ELSE 'always'
    END
