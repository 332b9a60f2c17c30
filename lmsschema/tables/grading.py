"""What computes grades and rollups: functions, and the triggers that call them.

Each function is a file of ``functions/``; docs/grading.md and docs/rollups.md say what they
compute. They are of the metadata as indexes are: ``create_all`` makes them, and so does the script.
"""

import functools
from pathlib import Path

from sqlalchemy import DDL, Table

from lmsschema.tables.updated_at import ddl

_FOLDER = Path(__file__).with_name("functions")

#: Those that have no name of a table or function in them: they stay as they are.
_PURE = frozenset(
    {
        "grade_percentage",
        "group_ratio",
        "late_deduction",
        "late_units",
        "next_version",
        "note_withdrawal",
        "refuse_change",
        "rollup_horizon",
        "time_zone_or_utc",
        "total_ratio",
    }
)

#: The functions resolve names in the schema that they are in, whatever the caller's search_path is.
_SEARCH_PATH = """\
DO $$
DECLARE
    routine REGPROCEDURE;
BEGIN
    FOR routine IN
        SELECT p.oid
        FROM pg_catalog.pg_proc AS p
        INNER JOIN pg_catalog.pg_namespace AS n ON p.pronamespace = n.oid
        WHERE n.nspname = current_schema() AND p.proname IN ({names})
    LOOP
        EXECUTE concat(
            'ALTER FUNCTION ', routine, ' SET search_path TO ',
            quote_ident(current_schema()), ', pg_temp'
        );
    END LOOP;
END
$$"""

_EACH_ROW = "FOR EACH ROW"
_NEW = "REFERENCING NEW TABLE AS new_rows\n"
_OLD = "REFERENCING OLD TABLE AS old_rows\n"
_OLD_AND_NEW = "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows\n"
_CHANGED = "WHEN (old.* IS DISTINCT FROM new.*)"
_OVERRIDDEN = "WHEN (new.override_percentage IS NOT NULL OR new.override_label IS NOT NULL)"
_OF_AN_ITEM = "assessment_version_id, question_version_id, order_index, points, pool"
_ANY = ("queue_grades", "AFTER INSERT OR UPDATE OR DELETE", _EACH_ROW, "queue_course_grades()")


def _log(function: str, change: str, rows: str) -> tuple[str, str, str, str]:
    """Return the trigger that logs one kind of change of a whole statement."""
    return f"log_{change}", f"AFTER {change.upper()}", f"{rows}FOR EACH STATEMENT", f"{function}()"


def _queue_progress(change: str, rows: str) -> tuple[str, str, str, str]:
    """Return the trigger that queues what one kind of change of a whole statement concerns."""
    event = f"AFTER {change.upper()}"
    return f"queue_progress_{change}", event, f"{rows}FOR EACH STATEMENT", "queue_progress()"


#: Each table's triggers: name, event, for what and when, and what is called.
TRIGGERS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "institutions": (
        (
            "queue_grades",
            "AFTER UPDATE OF timezone",
            f"{_EACH_ROW}\nWHEN (old.timezone IS DISTINCT FROM new.timezone)",
            "queue_institution_grades()",
        ),
        (
            "queue_analytics",
            "AFTER UPDATE OF timezone, academic_calendar",
            (
                f"{_EACH_ROW}\nWHEN (old.timezone IS DISTINCT FROM new.timezone"
                " OR old.academic_calendar IS DISTINCT FROM new.academic_calendar)"
            ),
            "queue_course_analytics()",
        ),
    ),
    "courses": (
        (
            "queue_analytics",
            "AFTER UPDATE OF institution_id, subject_area, academic_term",
            _EACH_ROW,
            "queue_course_analytics()",
        ),
    ),
    "enrollments": (
        (
            "note_withdrawal",
            "BEFORE INSERT OR UPDATE OF enrollment_status, withdrawn_at",
            _EACH_ROW,
            "note_withdrawal()",
        ),
        ("queue_grades", "AFTER INSERT", _EACH_ROW, "queue_enrollment_grades()"),
        (
            "queue_analytics",
            (
                "AFTER INSERT OR DELETE OR UPDATE OF"
                " course_id, enrolled_at, completion_date, enrollment_status, withdrawn_at"
            ),
            _EACH_ROW,
            "queue_enrollment_analytics()",
        ),
        _queue_progress("insert", _NEW),
    ),
    "lessons": (_queue_progress("delete", _OLD),),
    "sections": (
        _queue_progress("insert", _NEW),
        _queue_progress("update", _OLD_AND_NEW),
        _queue_progress("delete", _OLD),
    ),
    "section_progress": (
        _queue_progress("insert", _NEW),
        _queue_progress("update", _NEW),
        _queue_progress("delete", _OLD),
    ),
    "grading_schemes": (
        ("queue_grades", "AFTER UPDATE OF round_to", _EACH_ROW, "queue_scheme_grades('id')"),
    ),
    "grading_scheme_levels": (
        (
            "queue_grades",
            "AFTER INSERT OR UPDATE OR DELETE",
            _EACH_ROW,
            "queue_scheme_grades('grading_scheme_id')",
        ),
    ),
    "gradebooks": (_ANY,),
    "grading_periods": (_ANY,),
    "late_policies": (_ANY,),
    "assessment_groups": (_ANY,),
    "assessments": (_ANY,),
    "assessment_overrides": (_ANY,),
    "learner_group_members": (
        (
            "queue_grades",
            "AFTER INSERT OR UPDATE OR DELETE",
            _EACH_ROW,
            "queue_learner_grades()",
        ),
    ),
    "question_versions": (
        ("refuse_change", "BEFORE UPDATE", f"{_EACH_ROW}\n{_CHANGED}", "refuse_change()"),
    ),
    "assessment_versions": (
        (
            "refuse_change",
            "BEFORE UPDATE",
            f"{_EACH_ROW}\nWHEN (old.published_at IS NOT NULL AND old.* IS DISTINCT FROM new.*)",
            "refuse_change()",
        ),
    ),
    "assessment_items": (
        (
            "guard_item",
            f"BEFORE INSERT OR DELETE OR UPDATE OF {_OF_AN_ITEM}",
            _EACH_ROW,
            "guard_item()",
        ),
    ),
    "assessment_attempts": (
        ("prepare_attempt", "BEFORE INSERT", _EACH_ROW, "prepare_attempt()"),
        (
            "queue_grades",
            "AFTER INSERT OR DELETE OR UPDATE OF status, score, submitted_at, enrollment_id",
            _EACH_ROW,
            "queue_learner_grades()",
        ),
    ),
    "item_responses": (
        ("guard_insert", "BEFORE INSERT", _EACH_ROW, "guard_response()"),
        (
            "guard_update",
            "BEFORE UPDATE OF response",
            f"{_EACH_ROW}\nWHEN (old.response IS DISTINCT FROM new.response)",
            "guard_response()",
        ),
    ),
    "gradings": (
        (
            "apply_final_grading",
            "AFTER INSERT OR UPDATE OF score, is_final",
            f"{_EACH_ROW}\nWHEN (new.is_final AND new.score IS NOT NULL)",
            "apply_final_grading()",
        ),
        ("next_version", "BEFORE UPDATE", f"{_EACH_ROW}\n{_CHANGED}", "next_version()"),
    ),
    "grades": (
        (
            "prepare_grade",
            "BEFORE INSERT OR UPDATE OF status, posted_at, override_score, is_excused, feedback",
            _EACH_ROW,
            "prepare_grade()",
        ),
        (
            "queue_insert",
            "AFTER INSERT",
            f"{_EACH_ROW}\nWHEN (new.override_score IS NOT NULL OR new.is_excused)",
            "queue_learner_grades()",
        ),
        (
            "queue_update",
            "AFTER DELETE OR UPDATE OF override_score, is_excused, posted_at, enrollment_id",
            _EACH_ROW,
            "queue_learner_grades()",
        ),
        _log("log_grade_changes", "insert", _NEW),
        _log("log_grade_changes", "update", _OLD_AND_NEW),
        _log("log_grade_changes", "delete", _OLD),
    ),
    "course_grades": (
        _log("log_course_grade_changes", "update", _OLD_AND_NEW),
        (
            "queue_insert",
            "AFTER INSERT",
            f"{_EACH_ROW}\n{_OVERRIDDEN}",
            "queue_learner_grades()",
        ),
        (
            "queue_update",
            "AFTER DELETE OR UPDATE OF override_percentage, override_label, finalized_at",
            _EACH_ROW,
            "queue_learner_grades()",
        ),
    ),
    "grade_changes": (("refuse_change", "BEFORE UPDATE OR DELETE", _EACH_ROW, "refuse_change()"),),
}


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of the functions, in the order of their files."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.sql")))


def function(name: str) -> DDL:
    """Return the statement that makes a function, without the comment above it."""
    text = (_FOLDER / f"{name}.sql").read_text("utf-8").strip()
    return ddl(text[text.index("CREATE FUNCTION") :])


def functions() -> list[DDL]:
    """Return the statements that make all functions; their tables are there."""
    listed = ", ".join(f"'{name}'" for name in names() if name not in _PURE)
    return [*map(function, names()), ddl(_SEARCH_PATH.format(names=listed))]


def triggers(table: Table) -> list[DDL]:
    """Return the statements that make the triggers of a table; the functions are there."""
    return [
        ddl(f"CREATE TRIGGER {name}\n{event} ON {table.name}\n{rows}\nEXECUTE FUNCTION {called}")
        for name, event, rows, called in TRIGGERS.get(str(table.name), ())
    ]
