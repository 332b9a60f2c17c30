"""What each index of assessment and grading is for; the workload has no statements of them yet."""

PURPOSES: dict[str, str] = {
    "idx_gradebooks_scheme": (
        "the courses to compute anew when a scheme changes, and the SET NULL when it is deleted"
    ),
    "idx_learner_group_members_enrollment": (
        "the groups of a learner, for the dates that hold for them; the cascade of an enrollment"
    ),
    "idx_assessments_course_order": (
        "the assessments of a course in their order, and the cascade when it is deleted"
    ),
    "idx_assessments_group": "the assessments of a group; whether the group may be deleted",
    "idx_assessments_due": "what is due in a span of time, over all courses",
    "idx_assessments_section": "the SET NULL when a section is deleted",
    "idx_assessments_rubric": "the SET NULL when a rubric is deleted",
    "idx_assessments_late_policy": "the SET NULL when a late policy is deleted",
    "idx_assessment_overrides_course": "all exceptions of a course at once, for its gradebook",
    "idx_assessment_overrides_enrollment": (
        "the exceptions of a learner, and the cascade of an enrollment"
    ),
    "idx_assessment_overrides_group": "the exceptions of a group, and its cascade",
    "idx_questions_institution_name": "the bank of an institution by name, and the cascade",
    "idx_questions_course": "the questions of a course, and the SET NULL when it is deleted",
    "idx_questions_tags": "the questions of a tag",
    "idx_assessment_items_question_version": (
        "where a version of a question is used; whether it may be deleted"
    ),
    "idx_assessment_attempts_in_progress": (
        "one attempt in progress per learner and assessment; the one to go on with"
    ),
    "idx_assessment_attempts_to_grade": "what waits to be graded, the longest first",
    "idx_assessment_attempts_assessment": "the attempts at an assessment, and its cascade",
    "idx_assessment_attempts_expires": "those whose time is up",
    "idx_assessment_attempts_version": "whether a form of an assessment is in use",
    "idx_item_responses_item": (
        "the responses to an item, for its difficulty; whether it may be deleted"
    ),
    "idx_rubrics_institution": "the rubrics of an institution, and the cascade",
    "idx_rubrics_course": "the rubrics of a course, and the SET NULL when it is deleted",
    "idx_gradings_final": "one judgement that counts per attempt",
    "idx_gradings_attempt_grader": (
        "one of each grader per attempt; the judgements of an attempt, and its cascade"
    ),
    "idx_gradings_grader_time": "the work of a grader, the latest first, and the SET NULL",
    "idx_gradings_rubric": "whether a rubric is in use",
    "idx_rubric_ratings_criterion": "how a criterion is rated; whether it may be deleted",
    "idx_grades_assessment_score": (
        "the grades of an assessment with their scores: statistics without the table; the cascade"
    ),
    "idx_grades_course": "the gradebook of a course",
    "idx_grades_attempt": "the SET NULL when an attempt is deleted",
    "idx_grades_grader": "the SET NULL when a grader is deleted",
    "idx_course_grades_course_final": "the grades of a course, the best first",
    "idx_course_grades_period": "the cascade of a grading period",
    "idx_grade_changes_enrollment_time": "the history of a learner's grades, the latest first",
    "idx_grade_changes_assessment_time": "the history of an assessment's grades",
    "idx_grade_changes_course_time": "the history of a course's grades",
    "idx_grade_changes_actor_time": "what somebody has changed",
    "idx_recalculations_time": "the oldest of a kind first",
    "idx_recalculations_course": "all of one course at once",
}
