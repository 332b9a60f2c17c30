"""What keeps ``courses.search``: a trigger, and one that follows an institution's language.

The vector is not a generated column: that would write ``courses`` anew while nobody may read it,
and could not see the institution. Columns hold a language's code and none of type ``regconfig``,
with which pg_upgrade refuses a database.
"""

from sqlalchemy import DDL, Table

from lmsschema.tables.updated_at import ddl

#: Codes of ISO 639 → configurations that every supported version of PostgreSQL has: a database
#: that goes from one to another keeps its vectors.
CONFIGURATIONS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}

_CHOICE = "\n".join(
    [
        "CASE pg_catalog.split_part(",
        "    pg_catalog.translate(pg_catalog.lower({0}), '_', '-'), '-', 1",
        ")",
        *(
            f"    WHEN '{code}' THEN 'pg_catalog.{name}'::REGCONFIG"
            for code, name in CONFIGURATIONS.items()
        ),
        "    ELSE 'pg_catalog.simple'::REGCONFIG",
        "END",
    ]
)

#: The configuration of a language, for queries; NULL and what has none are ``simple``.
CONFIGURATION = f"""\
CREATE FUNCTION search_configuration(code TEXT) RETURNS REGCONFIG LANGUAGE sql
IMMUTABLE PARALLEL SAFE AS $$
SELECT {_CHOICE.format("code")}
$$"""

#: It names no object of its schema, which need not be on the search_path of who writes; a role that
#: may not read institutions may write courses all the same. What is longer than a vector can be
#: is cut, not refused.
FUNCTION = f"""\
CREATE FUNCTION update_search() RETURNS TRIGGER LANGUAGE plpgsql AS $$
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
    configuration := {_CHOICE.format("code")};
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
$$"""  # noqa: S608  our own text

#: By its name it fires after the one of ``updated_at``: to fill the vector is no change of the row.
TRIGGER = """\
CREATE TRIGGER update_search
BEFORE INSERT OR UPDATE OF institution_id, title, description, tags, language, search ON courses
FOR EACH ROW
EXECUTE FUNCTION update_search()"""

INSTITUTION_FUNCTION = """\
CREATE FUNCTION update_search_of_courses() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'UPDATE ' || pg_catalog.quote_ident(tg_table_schema)
        || '.courses SET search = search'
        || ' WHERE institution_id = $1 AND language IS NULL'
    USING new.id;
    RETURN NULL;
END
$$"""

INSTITUTION_TRIGGER = """\
CREATE TRIGGER update_search_of_courses
AFTER UPDATE OF language ON institutions
FOR EACH ROW
WHEN (old.language IS DISTINCT FROM new.language)
EXECUTE FUNCTION update_search_of_courses()"""

_TRIGGERS = {"courses": TRIGGER, "institutions": INSTITUTION_TRIGGER}


def functions() -> dict[str, DDL]:
    """Return the statements that make the functions, by their signatures."""
    return {
        "search_configuration(text)": ddl(CONFIGURATION),
        "update_search()": ddl(FUNCTION),
        "update_search_of_courses()": ddl(INSTITUTION_FUNCTION),
    }


def triggers(table: Table) -> list[DDL]:
    """Return the statements that make the triggers of a table."""
    return [ddl(_TRIGGERS[table.name])] if table.name in _TRIGGERS else []
