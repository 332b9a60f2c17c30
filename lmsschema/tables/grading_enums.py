"""The enumerations of assessment and grading (guide, section 9), declared as those of ``enums``."""

from enum import StrEnum

from lmsschema.tables._labels import label_type


class GroupAggregation(StrEnum):
    """What an assessment counts within its group (``assessment_groups.aggregation``)."""

    POINTS = "points"
    EQUAL = "equal"
    WEIGHTS = "weights"


group_aggregation = label_type("group_aggregation", GroupAggregation)


class LateInterval(StrEnum):
    """By what lateness is counted (``late_policies.per``)."""

    HOUR = "hour"
    DAY = "day"


late_interval = label_type("late_interval", LateInterval)


class LateBasis(StrEnum):
    """Of what a deduction is a part (``late_policies.basis``): points possible, or the score."""

    POSSIBLE = "possible"
    EARNED = "earned"


late_basis = label_type("late_basis", LateBasis)


class AssessmentKind(StrEnum):
    """Kind of an assessment (``assessments.kind``)."""

    ASSIGNMENT = "assignment"
    QUIZ = "quiz"
    EXAM = "exam"
    DISCUSSION = "discussion"
    EXTERNAL = "external"


assessment_kind = label_type("assessment_kind", AssessmentKind)


class ScorePolicy(StrEnum):
    """Which of a learner's attempts counts (``assessments.score_policy``)."""

    LATEST = "latest"
    HIGHEST = "highest"
    FIRST = "first"
    AVERAGE = "average"


score_policy = label_type("score_policy", ScorePolicy)


class QuestionType(StrEnum):
    """What an answer to a question is (``question_versions.question_type``)."""

    CHOICE = "choice"
    MULTIPLE_CHOICE = "multiple_choice"
    TRUE_FALSE = "true_false"
    SHORT_ANSWER = "short_answer"
    NUMERIC = "numeric"
    MATCHING = "matching"
    ORDERING = "ordering"
    ESSAY = "essay"
    FILE_UPLOAD = "file_upload"


question_type = label_type("question_type", QuestionType)


class AttemptStatus(StrEnum):
    """State of an attempt (``assessment_attempts.status``); a voided one counts nowhere."""

    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"
    GRADED = "graded"
    VOIDED = "voided"


attempt_status = label_type("attempt_status", AttemptStatus)


class GradeStatus(StrEnum):
    """What a learner's attempts come to (``grades.status``).

    ``partially_graded``: an attempt that is graded counts while a newer one waits.
    """

    NOT_SUBMITTED = "not_submitted"
    SUBMITTED = "submitted"
    PARTIALLY_GRADED = "partially_graded"
    GRADED = "graded"


grade_status = label_type("grade_status", GradeStatus)


class GradeChangeKind(StrEnum):
    """What happened to a grade (``grade_changes.kind``)."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"


grade_change_kind = label_type("grade_change_kind", GradeChangeKind)


class RecalculationKind(StrEnum):
    """What is to be computed anew (``recalculations.kind``)."""

    GRADES = "grades"
    PROGRESS = "progress"
    ANALYTICS = "analytics"


recalculation_kind = label_type("recalculation_kind", RecalculationKind)
