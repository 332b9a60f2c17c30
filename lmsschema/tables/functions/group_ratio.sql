-- What a group comes to: numerator / denominator, the points that its kept assessments are worth,
-- and the places of those that are dropped. Kinds: 0 may be dropped, 1 is never dropped, 2 is extra
-- credit, which counts in the numerator only and is never dropped.
--
-- Dropped are those that leave q = sum(m) / sum(n) with
--     0 = sum over the kept of (m - q * n),
-- where the kept are, at that very q, all but the lowest and the highest values of m - q * n.
-- Without drop_highest that is Kane and Kane's optimum. The sum falls as q grows, so there is one
-- such q; it rises with each score, so a better score never makes a worse grade.
CREATE FUNCTION group_ratio(
    scores NUMERIC[], points NUMERIC[], weights NUMERIC[], kinds INTEGER[],
    aggregation TEXT, drop_lowest INTEGER, drop_highest INTEGER,
    OUT numerator NUMERIC, OUT denominator NUMERIC, OUT possible NUMERIC, OUT dropped INTEGER[]
) LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    size INTEGER := cardinality(scores);
    m NUMERIC[] := '{}';
    n NUMERIC[] := '{}';
    common NUMERIC := 1;
    may_go INTEGER[] := '{}';
    low INTEGER;
    high INTEGER;
    fixed_m NUMERIC := 0;
    fixed_n NUMERIC := 0;
    kept INTEGER[];
    x INTEGER;
    a NUMERIC := 0;
    b NUMERIC := 0;
    low_a NUMERIC;
    low_b NUMERIC;
    high_a NUMERIC;
    high_b NUMERIC;
    total NUMERIC;
BEGIN
    dropped := '{}';
    possible := 0;
    IF aggregation <> 'points' THEN
        FOR i IN 1..size LOOP -- a common denominator keeps the ratios exact
            common := lcm(common, points[i]);
        END LOOP;
    END IF;
    FOR i IN 1..size LOOP
        IF aggregation = 'points' THEN
            m[i] := scores[i];
            n[i] := points[i];
        ELSE
            n[i] := common * CASE aggregation WHEN 'equal' THEN 1 ELSE weights[i] END;
            m[i] := scores[i] * div(common, points[i])
                * CASE aggregation WHEN 'equal' THEN 1 ELSE weights[i] END;
        END IF;
        IF kinds[i] = 2 THEN
            n[i] := 0;
        ELSE
            possible := possible + points[i];
        END IF;
        IF kinds[i] = 0 AND n[i] > 0 THEN
            may_go := may_go || i;
            a := a + m[i];
            b := b + n[i];
        ELSE
            fixed_m := fixed_m + m[i];
            fixed_n := fixed_n + n[i];
        END IF;
    END LOOP;
    low := least(drop_lowest, cardinality(may_go) - 1);
    high := least(drop_highest, cardinality(may_go) - 1 - low);
    numerator := a + fixed_m;
    denominator := b + fixed_n;
    IF low > 0 OR high > 0 THEN
        a := numerator;
        b := denominator;
        LOOP
            SELECT fixed_m + sum(m[r.i]), fixed_n + sum(n[r.i]), array_agg(r.i)
            INTO numerator, denominator, kept
            FROM (
                SELECT i, row_number() OVER (ORDER BY m[i] * b - a * n[i], i) AS place
                FROM unnest(may_go) AS i
            ) AS r
            WHERE r.place > low AND r.place <= cardinality(may_go) - high;
            total := numerator * b - a * denominator;
            EXIT WHEN total = 0;
            IF total > 0 THEN
                low_a := a;
                low_b := b;
            ELSE
                high_a := a;
                high_b := b;
            END IF;
            a := numerator;
            b := denominator;
            IF a * low_b <= low_a * b OR a * high_b >= high_a * b THEN -- outside: halve instead
                a := low_a * high_b + high_a * low_b;
                b := 2 * low_b * high_b;
            END IF;
        END LOOP;
        FOREACH x IN ARRAY may_go LOOP
            IF x <> ALL (kept) THEN
                dropped := dropped || x;
                possible := possible - points[x];
            END IF;
        END LOOP;
    END IF;
END
$$
