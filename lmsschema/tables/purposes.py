"""What each index is for, and which statements of an LMS it serves: those of lmsschema.workload.

An index of the lean profile serves a statement, or keeps a rule as a unique one does. Of the
indexes that only the guide has, no statement is said.
"""

from collections.abc import Iterable

from sqlalchemy import Table

from lmsschema.tables import grading_purposes

#: The purpose of each index, and the names of the statements.
PURPOSES: dict[str, tuple[str, str]] = {
    # foundation
    "idx_institutions_domain": (
        "an institution by its domain; the index of the UNIQUE serves it too",
        "",
    ),
    "idx_institutions_domain_lower": ("a domain is taken once, however it is written", ""),
    "idx_institutions_education_level": ("the institutions of one level of education", ""),
    "idx_users_institution": (
        "the users of an institution, and the cascade when it is deleted",
        "admin_overview delete_institution",
    ),
    "idx_users_role": ("the users of one role", ""),
    "idx_users_email_institution": ("a user by e-mail address within an institution", ""),
    "idx_users_email_lower": ("an e-mail address is one user's, however it is written", ""),
    "idx_users_username_lower": ("a user name is one user's, however it is written", ""),
    "idx_users_last_active": (
        "who was active last; who has not been active since a given time",
        "",
    ),
    "idx_courses_institution": (
        "the courses of an institution, and the cascade when it is deleted",
        "delete_institution",
    ),
    "idx_courses_instructor": (
        "the courses of an instructor, and the SET NULL when that user is deleted",
        "teacher_courses delete_user",
    ),
    "idx_courses_subject_difficulty": ("the catalogue by subject, then by difficulty", "catalogue"),
    "idx_courses_status_visibility": ("what is published, and to whom", "review_queue"),
    "idx_courses_academic_term": ("the courses of a term", "term_courses"),
    "idx_courses_created_desc": ("the newest courses first", "newest_courses"),
    "idx_courses_search_vector": (
        "ranked full-text search in title, tags and description",
        "search",
    ),
    "idx_courses_search": (
        "full-text search: a query has to use this very expression, configuration included",
        "",
    ),
    "idx_lessons_course": ("the lessons of a course, and the cascade when it is deleted", ""),
    "idx_lessons_course_order": (
        "the lessons of a course in their order; the index of the UNIQUE serves it too",
        "",
    ),
    "idx_lessons_assessment": ("the lessons that have an assessment", ""),
    "idx_sections_lesson": ("the sections of a lesson, and the cascade when it is deleted", ""),
    "idx_sections_lesson_order": (
        "the sections of a lesson in their order; the index of the UNIQUE serves it too",
        "",
    ),
    "idx_sections_type": ("the sections of one type, such as all assessments", ""),
    "idx_sections_interaction": (
        "the sections of one kind of interaction, such as all quizzes",
        "",
    ),
    # progress
    "idx_enrollments_user": (
        "the enrollments of a user, and the cascade when the user is deleted",
        "",
    ),
    "idx_enrollments_course": (
        "the enrollments in a course, and the cascade when it is deleted",
        "roster at_risk delete_course",
    ),
    "idx_enrollments_status": ("the enrollments of one status, such as all active ones", ""),
    "idx_enrollments_progress": ("who has come furthest", ""),
    "idx_enrollments_completion": (
        "the latest completions, with those not completed at the end",
        "",
    ),
    "idx_enrollments_last_accessed": (
        "the latest accesses, with those never accessed at the end",
        "",
    ),
    "idx_section_progress_user": (
        "the progress of a user, and the cascade when the user is deleted",
        "",
    ),
    "idx_section_progress_section": (
        "the progress in a section, and the cascade when it is deleted",
        "section_funnel delete_section delete_lesson",
    ),
    "idx_section_progress_enrollment": (
        "the progress within an enrollment, and the cascade when it is deleted",
        "resume delete_enrollment",
    ),
    "idx_section_progress_status": ("the progress of one status, such as what is in progress", ""),
    "idx_section_progress_mastery": ("who struggles, who is advanced", ""),
    "idx_section_progress_session": (
        "the progress in a session, and the SET NULL when it is deleted",
        "delete_session",
    ),
    "idx_section_progress_completed": (
        "the latest completions, with what is not completed at the end",
        "",
    ),
    "idx_section_progress_time_spent": ("where most time was spent", ""),
    "idx_section_progress_user_section": (
        "the progress of a user in one section; the index of the UNIQUE serves it too",
        "",
    ),
    "idx_section_progress_enrollment_status": (
        "how many sections of an enrollment are completed",
        "",
    ),
    "idx_lesson_progress_user": (
        "the progress of a user, and the cascade when the user is deleted",
        "",
    ),
    "idx_lesson_progress_lesson": (
        "the progress in a lesson, and the cascade when it is deleted",
        "delete_lesson",
    ),
    "idx_lesson_progress_enrollment": (
        "the progress within an enrollment, and the cascade when it is deleted",
        "progress_page delete_enrollment",
    ),
    "idx_lesson_progress_completion": ("who has come furthest", ""),
    "idx_lesson_progress_completed": (
        "the latest completions, with what is not completed at the end",
        "",
    ),
    # events
    "idx_learning_events_user_time": (
        "the timeline of a learner, latest first, and the cascade when the user is deleted",
        "learner_timeline timeline_unbounded delete_user",
    ),
    "idx_learning_events_course_time": (
        "the timeline of a course, latest first, and the cascade when it is deleted",
        "",
    ),
    "idx_learning_events_type_time": ("the latest events of one type", ""),
    "idx_learning_events_category": ("the events of one category", ""),
    "idx_learning_events_session": ("the events of a session", "session_events"),
    "idx_learning_events_lesson": (
        "the SET NULL when a lesson is deleted, which would read every event else",
        "delete_lesson delete_course",
    ),
    "idx_learning_events_section": (
        "the SET NULL when a section is deleted, which would read every event else",
        "delete_section delete_lesson",
    ),
    "idx_learning_events_user_course_time": (
        "the timeline of a learner within one course, latest first",
        "",
    ),
    "idx_learning_events_course_type_time": ("the latest events of one type within a course", ""),
    "idx_learning_events_server_time": (
        "the events that came in a span of time, which the rollup takes up",
        "arrivals",
    ),
    "idx_learning_events_course_cover": (
        "a course by day and type, from the index alone; the cascade when the course is deleted",
        "teacher_week delete_course",
    ),
    "idx_learning_events_course_assessment": (
        "the latest submissions and grades of a course",
        "course_submissions",
    ),
    "idx_learning_events_time": (
        "the events of a span of time, over all courses; rows lie in the order of their arrival",
        "day_export",
    ),
    "idx_learning_sessions_user": (
        "the sessions of a user, and the cascade when the user is deleted",
        "",
    ),
    "idx_learning_sessions_user_start": (
        "the sessions of a user, latest first, and the cascade when the user is deleted",
        "my_sessions delete_user",
    ),
    "idx_learning_sessions_course": (
        "the sessions in a course, and the cascade when it is deleted",
        "delete_course",
    ),
    "idx_learning_sessions_start": (
        "the latest sessions; the sessions of a span of time",
        "daily_actives",
    ),
    "idx_learning_sessions_duration": ("the longest sessions", ""),
    "idx_learning_sessions_engagement": ("the sessions of the highest engagement", ""),
    "idx_learning_sessions_outcome": (
        "the sessions of one outcome, such as all abandoned ones",
        "",
    ),
    # analytics
    "idx_course_analytics_course": (
        "the metrics of a course, and the cascade when it is deleted",
        "",
    ),
    "idx_course_analytics_period": (
        "the latest periods of one kind, over all courses",
        "period_report",
    ),
    "idx_course_analytics_completion_rate": ("the courses of the highest completion rate", ""),
    "idx_course_analytics_mastery": ("the courses of the highest mastery", ""),
    "idx_learner_analytics_user": (
        "the profile of a user; the index of the UNIQUE serves it too",
        "",
    ),
    "idx_learner_analytics_mastery": ("the learners of the highest mastery", ""),
    "idx_learner_analytics_velocity": ("the fastest learners", ""),
    "idx_learner_analytics_risk": (
        "the learners at risk: the least likely to succeed first",
        "learners_at_risk",
    ),
    "idx_learner_analytics_updated": ("the profiles updated last", ""),
    # pipeline
    "idx_load_sources_institution": (
        "the files of an institution, and the cascade when it is deleted",
        "delete_institution",
    ),
    "idx_voided_events_voided": ("the events voided in a span of time, for the rollup", ""),
    # rollups
    "idx_learner_course_daily_course_day": ("a span of days of a course", ""),
    "idx_learner_course_daily_user_day": (
        "the days of a learner, and the cascade when the user is deleted",
        "",
    ),
}


def add(tables: Iterable[Table]) -> None:
    """Give each index the ``info`` of its ``purpose`` and of what it ``serves``."""
    for table in tables:
        for index in table.indexes:
            name = str(index.name)
            purpose, serves = PURPOSES.get(name, (grading_purposes.PURPOSES.get(name), ""))
            if purpose is not None:
                index.info = {"purpose": purpose, "serves": tuple(serves.split()), **index.info}
