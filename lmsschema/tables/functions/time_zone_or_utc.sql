-- A time zone that PostgreSQL knows: an institution's may be no zone.
CREATE FUNCTION time_zone_or_utc(zone TEXT) RETURNS TEXT LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM timezone(zone, TIMESTAMP WITH TIME ZONE 'epoch');
    RETURN coalesce(zone, 'UTC');
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 'UTC';
END
$$
