"""Courses are found by words: a stored, weighted vector of title, tags and description.

Revision ID: 0007_search
Revises: 0006_settings
"""

# Made of steps as 0004_integrity is: docs/decisions/0016-search.md says why the vector is a column
# that a trigger keeps.

from alembic import op

from lmsschema.ddl import steps
from lmsschema.ddl.backfill import Backfill
from lmsschema.ddl.column import AddColumn
from lmsschema.ddl.index import Index
from lmsschema.ddl.trigger import Function, Trigger

revision = "0007_search"
down_revision = "0006_settings"
branch_labels = None
depends_on = None

#: The configuration of the language whose code is in ``code``.
CHOICE = """\
CASE pg_catalog.split_part(
    pg_catalog.translate(pg_catalog.lower(code), '_', '-'), '-', 1
)
    WHEN 'ar' THEN 'pg_catalog.arabic'::REGCONFIG
    WHEN 'ca' THEN 'pg_catalog.catalan'::REGCONFIG
    WHEN 'da' THEN 'pg_catalog.danish'::REGCONFIG
    WHEN 'de' THEN 'pg_catalog.german'::REGCONFIG
    WHEN 'el' THEN 'pg_catalog.greek'::REGCONFIG
    WHEN 'en' THEN 'pg_catalog.english'::REGCONFIG
    WHEN 'es' THEN 'pg_catalog.spanish'::REGCONFIG
    WHEN 'eu' THEN 'pg_catalog.basque'::REGCONFIG
    WHEN 'fi' THEN 'pg_catalog.finnish'::REGCONFIG
    WHEN 'fr' THEN 'pg_catalog.french'::REGCONFIG
    WHEN 'ga' THEN 'pg_catalog.irish'::REGCONFIG
    WHEN 'hi' THEN 'pg_catalog.hindi'::REGCONFIG
    WHEN 'hu' THEN 'pg_catalog.hungarian'::REGCONFIG
    WHEN 'hy' THEN 'pg_catalog.armenian'::REGCONFIG
    WHEN 'id' THEN 'pg_catalog.indonesian'::REGCONFIG
    WHEN 'it' THEN 'pg_catalog.italian'::REGCONFIG
    WHEN 'lt' THEN 'pg_catalog.lithuanian'::REGCONFIG
    WHEN 'nb' THEN 'pg_catalog.norwegian'::REGCONFIG
    WHEN 'ne' THEN 'pg_catalog.nepali'::REGCONFIG
    WHEN 'nl' THEN 'pg_catalog.dutch'::REGCONFIG
    WHEN 'nn' THEN 'pg_catalog.norwegian'::REGCONFIG
    WHEN 'no' THEN 'pg_catalog.norwegian'::REGCONFIG
    WHEN 'pt' THEN 'pg_catalog.portuguese'::REGCONFIG
    WHEN 'ro' THEN 'pg_catalog.romanian'::REGCONFIG
    WHEN 'ru' THEN 'pg_catalog.russian'::REGCONFIG
    WHEN 'sr' THEN 'pg_catalog.serbian'::REGCONFIG
    WHEN 'sv' THEN 'pg_catalog.swedish'::REGCONFIG
    WHEN 'ta' THEN 'pg_catalog.tamil'::REGCONFIG
    WHEN 'tr' THEN 'pg_catalog.turkish'::REGCONFIG
    WHEN 'yi' THEN 'pg_catalog.yiddish'::REGCONFIG
    ELSE 'pg_catalog.simple'::REGCONFIG
END"""

STEPS: tuple[steps.Step, ...] = (
    AddColumn("institutions", "language", "TEXT"),
    AddColumn("courses", "language", "TEXT"),
    AddColumn("courses", "search", "TSVECTOR"),
    Function(
        "search_configuration",
        f"\nSELECT {CHOICE}\n",
        arguments="code TEXT",
        returns="REGCONFIG LANGUAGE sql\nIMMUTABLE PARALLEL SAFE",
    ),
    Function(
        "update_search",
        f"""\

DECLARE
    code TEXT := new.language;
    configuration REGCONFIG;
BEGIN
    IF code IS NULL THEN
        BEGIN
            EXECUTE 'SELECT language FROM '
                || pg_catalog.quote_ident(tg_table_schema)
                || '.institutions WHERE id = $1'
            INTO code
            USING new.institution_id;
        EXCEPTION
            WHEN insufficient_privilege THEN NULL;
        END;
    END IF;
    configuration := {CHOICE};
    new.search := pg_catalog.setweight(
            pg_catalog.to_tsvector(configuration, new.title), 'A'
        ) || pg_catalog.setweight(
            pg_catalog.to_tsvector(
                configuration, pg_catalog.left(new.tags::TEXT, 50000)
            ), 'B'
        ) || pg_catalog.setweight(
            pg_catalog.to_tsvector(
                configuration, pg_catalog.left(new.description, 50000)
            ), 'C'
        );
    RETURN new;
END
""",  # noqa: S608  our own text
    ),
    Trigger(
        "update_search",
        "courses",
        "BEFORE INSERT OR UPDATE OF institution_id, title, description, tags, language, search",
        "FOR EACH ROW\nEXECUTE FUNCTION update_search()",
    ),
    Backfill("courses", "search"),
    Function(
        "update_search_of_courses",
        """\

BEGIN
    EXECUTE 'UPDATE ' || pg_catalog.quote_ident(tg_table_schema)
        || '.courses SET search = search'
        || ' WHERE institution_id = $1 AND language IS NULL'
    USING new.id;
    RETURN NULL;
END
""",
        returns="TRIGGER\nLANGUAGE plpgsql",
    ),
    Trigger(
        "update_search_of_courses",
        "institutions",
        "AFTER UPDATE OF language",
        "FOR EACH ROW\nWHEN (old.language IS DISTINCT FROM new.language)\nEXECUTE FUNCTION update_search_of_courses()",
    ),
    Index("idx_courses_search_vector", "courses", "search", method="gin"),
)

DOWNGRADE = (
    "DROP TRIGGER update_search_of_courses ON institutions",
    "DROP FUNCTION update_search_of_courses()",
    "DROP TRIGGER update_search ON courses",
    "DROP FUNCTION update_search()",
    "DROP FUNCTION search_configuration(TEXT)",
    """\
ALTER TABLE courses
DROP COLUMN search,
DROP COLUMN language""",
    "ALTER TABLE institutions DROP COLUMN language",
)


def upgrade() -> None:
    steps.apply(op, STEPS)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
