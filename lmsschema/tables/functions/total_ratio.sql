-- What groups come to together. Weighted: by the weights of those that have anything in them; else
-- by points. A group of extra credit adds to the numerator alone: its weight is in percent.
CREATE FUNCTION total_ratio(
    is_weighted BOOLEAN, numerators NUMERIC[], denominators NUMERIC[], possibles NUMERIC[],
    weights NUMERIC[], extras BOOLEAN[],
    OUT numerator NUMERIC, OUT denominator NUMERIC
) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    all_weights NUMERIC := 0;
    w NUMERIC;
BEGIN
    numerator := 0;
    denominator := 1;
    FOR i IN 1..cardinality(numerators) LOOP
        w := CASE WHEN is_weighted THEN weights[i] ELSE possibles[i] END;
        IF denominators[i] > 0 AND NOT (is_weighted AND extras[i]) THEN
            numerator := numerator * denominators[i] + w * numerators[i] * denominator;
            denominator := denominator * denominators[i];
            all_weights := all_weights + CASE WHEN extras[i] THEN 0 ELSE w END;
        ELSIF NOT is_weighted AND denominators[i] = 0 THEN
            numerator := numerator + numerators[i] * denominator;
        END IF;
    END LOOP;
    denominator := denominator * all_weights;
    IF is_weighted AND denominator > 0 THEN
        FOR i IN 1..cardinality(numerators) LOOP
            IF extras[i] AND denominators[i] > 0 THEN
                numerator := numerator * 100 * denominators[i]
                    + weights[i] * numerators[i] * denominator;
                denominator := denominator * 100 * denominators[i];
            END IF;
        END LOOP;
    END IF;
END
$$
