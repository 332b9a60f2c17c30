-- What the synthetic data is drawn with, in the session's temporary schema: no random(), no md5() (which a
-- server in FIPS mode refuses), no floating point. PostgreSQL can't change what hashint8extended returns:
-- hash-partitioned tables are on disk by it.
-- Parameters: seed.
CREATE FUNCTION pg_temp.draw(stream bigint, i bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.hashint8extended(i, %(seed)s * 1000::bigint + stream) & 1073741823;

-- a number from 0 to n - 1, by a draw
CREATE FUNCTION pg_temp.below(n bigint, u bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (n * u) >> 30;

-- a draw to the power of three: small ones are frequent, as the popularity of courses is
CREATE FUNCTION pg_temp.skewed(u bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (((u * u) >> 30) * u) >> 30;

CREATE FUNCTION pg_temp.key(kind bigint, i bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.hashint8extended(i, %(seed)s * 1000::bigint + kind)), 16, '0')
    || pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.hashint8extended(i, %(seed)s * 1000::bigint + kind + 500)), 16, '0')
)::uuid;

-- a word, by a draw
CREATE FUNCTION pg_temp.word(u bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    ARRAY[
        'algebra', 'biology', 'calculus', 'chemistry', 'databases', 'design', 'economics', 'ethics', 'genetics',
        'geometry', 'history', 'law', 'linguistics', 'logic', 'marketing', 'medicine', 'music', 'networks',
        'nutrition', 'optics', 'philosophy', 'physics', 'poetry', 'politics', 'programming', 'psychology',
        'rhetoric', 'robotics', 'sociology', 'statistics', 'surgery', 'thermodynamics', 'translation', 'writing',
        'zoology', 'astronomy'
    ]
)[1 + pg_temp.below(36, u)];
