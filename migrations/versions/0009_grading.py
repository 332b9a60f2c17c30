"""Assessments, attempts, grades and their rules: the tables.

Revision ID: 0009_grading
Revises: 0008_guide_tables
"""

# The tables are empty, and others refer to nothing of them: only the keys that refer to the guide's
# tables lock those, so that they come last. docs/grading.md says what the tables are for.

from alembic import op

revision = "0009_grading"
down_revision = "0008_guide_tables"
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE TYPE grade_change_kind AS ENUM ('created', 'changed', 'deleted')",
    "CREATE TYPE recalculation_kind AS ENUM ('grades', 'progress', 'analytics')",
    "CREATE TYPE group_aggregation AS ENUM ('points', 'equal', 'weights')",
    "CREATE TYPE late_interval AS ENUM ('hour', 'day')",
    "CREATE TYPE late_basis AS ENUM ('possible', 'earned')",
    "CREATE TYPE question_type AS ENUM ('choice', 'multiple_choice', 'true_false', 'short_answer', 'numeric', 'matching', 'ordering', 'essay', 'file_upload')",
    "CREATE TYPE assessment_kind AS ENUM ('assignment', 'quiz', 'exam', 'discussion', 'external')",
    "CREATE TYPE score_policy AS ENUM ('latest', 'highest', 'first', 'average')",
    "CREATE TYPE attempt_status AS ENUM ('in_progress', 'submitted', 'graded', 'voided')",
    "CREATE TYPE grade_status AS ENUM ('not_submitted', 'submitted', 'partially_graded', 'graded')",
    # grade_changes
    """\
CREATE TABLE grade_changes (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    kind grade_change_kind NOT NULL,
    course_id UUID NOT NULL,
    enrollment_id UUID NOT NULL,
    assessment_id UUID,
    grading_period_id UUID,
    actor_id UUID,
    source VARCHAR(50) DEFAULT 'unknown' NOT NULL,
    reason TEXT,
    old_score NUMERIC(20, 4),
    new_score NUMERIC(20, 4),
    changed JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT grade_changes_pkey PRIMARY KEY (id, changed_at),
    CONSTRAINT grade_changes_json_types_check CHECK ('object' = all(ARRAY[jsonb_typeof(changed)])),
    CONSTRAINT grade_changes_finite_values_check CHECK (isfinite(changed_at) AND old_score <> 'NaN' AND new_score <> 'NaN')
)
PARTITION BY RANGE (changed_at)""",
    "CREATE INDEX idx_grade_changes_actor_time ON grade_changes (actor_id, changed_at DESC)",
    "CREATE INDEX idx_grade_changes_assessment_time ON grade_changes (assessment_id, changed_at DESC)",
    "CREATE INDEX idx_grade_changes_course_time ON grade_changes (course_id, changed_at DESC)",
    "CREATE INDEX idx_grade_changes_enrollment_time ON grade_changes (enrollment_id, changed_at DESC)",
    "COMMENT ON TABLE grade_changes IS 'What happened to grades, append-only, in partitions by month (UTC) of changed_at'",
    "COMMENT ON COLUMN grade_changes.id IS 'Unique only together with changed_at: a key of a partitioned table contains the partition key'",
    "COMMENT ON COLUMN grade_changes.changed_at IS 'The partition key'",
    "COMMENT ON COLUMN grade_changes.assessment_id IS 'NULL: the grade of the course, or of a period'",
    "COMMENT ON COLUMN grade_changes.actor_id IS 'The user: setting lmsschema.actor, else grades.grader_id'",
    "COMMENT ON COLUMN grade_changes.source IS 'By what: setting lmsschema.source; recalculation, where it was computed'",
    "COMMENT ON COLUMN grade_changes.reason IS 'Why: setting lmsschema.reason'",
    "COMMENT ON COLUMN grade_changes.old_score IS 'Points, or percent of a course'",
    "COMMENT ON COLUMN grade_changes.changed IS 'JSON object: column: [old, new], of columns other than the score'",
    # recalculations
    """\
CREATE TABLE recalculations (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    kind recalculation_kind DEFAULT 'grades' NOT NULL,
    course_id UUID NOT NULL,
    enrollment_id UUID,
    day DATE,
    queued_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT recalculations_pkey PRIMARY KEY (id),
    CONSTRAINT recalculations_finite_values_check CHECK (isfinite(day) AND isfinite(queued_at))
)""",
    "CREATE INDEX idx_recalculations_course ON recalculations (course_id)",
    "CREATE INDEX idx_recalculations_time ON recalculations (kind, queued_at)",
    "COMMENT ON TABLE recalculations IS 'What may have changed: appended by triggers, taken by lmsschema rollup'",
    "COMMENT ON COLUMN recalculations.enrollment_id IS 'NULL: all of the course'",
    "COMMENT ON COLUMN recalculations.day IS 'Of analytics: the day whose periods are concerned; NULL: all'",
    # grading_schemes
    """\
CREATE TABLE grading_schemes (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    institution_id UUID NOT NULL,
    name VARCHAR(255) NOT NULL,
    round_to INTEGER DEFAULT 2 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT grading_schemes_pkey PRIMARY KEY (id),
    CONSTRAINT grading_schemes_round_to_from_0_to_4_check CHECK (round_to BETWEEN 0 AND 4),
    CONSTRAINT grading_schemes_institution_id_name_key UNIQUE (institution_id, name),
    CONSTRAINT grading_schemes_id_institution_id_key UNIQUE (id, institution_id),
    CONSTRAINT grading_schemes_finite_values_check CHECK (isfinite(created_at) AND isfinite(updated_at))
)""",
    "COMMENT ON TABLE grading_schemes IS 'How percentages become labels such as A, B+ or Pass'",
    "COMMENT ON COLUMN grading_schemes.round_to IS 'To how many decimal places a percentage is rounded, once, half up'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON grading_schemes
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # grading_scheme_levels
    """\
CREATE TABLE grading_scheme_levels (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    grading_scheme_id UUID NOT NULL,
    label VARCHAR(10) NOT NULL,
    min_percentage NUMERIC(7, 4) NOT NULL,
    grade_points NUMERIC(4, 2),
    is_passing BOOLEAN DEFAULT true NOT NULL,
    CONSTRAINT grading_scheme_levels_pkey PRIMARY KEY (id),
    CONSTRAINT grading_scheme_levels_min_percentage_not_negative_check CHECK (min_percentage >= 0),
    CONSTRAINT grading_scheme_levels_grade_points_not_negative_check CHECK (grade_points >= 0),
    CONSTRAINT grading_scheme_levels_grading_scheme_id_label_key UNIQUE (grading_scheme_id, label),
    CONSTRAINT grading_scheme_levels_grading_scheme_id_min_percentage_key UNIQUE (grading_scheme_id, min_percentage),
    CONSTRAINT grading_scheme_levels_grading_scheme_id_fkey FOREIGN KEY (grading_scheme_id) REFERENCES grading_schemes (id) ON DELETE CASCADE,
    CONSTRAINT grading_scheme_levels_finite_values_check CHECK (min_percentage <> 'NaN' AND grade_points <> 'NaN')
)""",
    "COMMENT ON TABLE grading_scheme_levels IS 'The labels of a grading scheme; below the lowest there is none'",
    "COMMENT ON COLUMN grading_scheme_levels.min_percentage IS 'From here to the next level''s: levels have no holes and do not overlap'",
    "COMMENT ON COLUMN grading_scheme_levels.grade_points IS 'What it counts in a grade point average'",
    # assessment_groups
    """\
CREATE TABLE assessment_groups (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    course_id UUID NOT NULL,
    name VARCHAR(255) NOT NULL,
    order_index INTEGER NOT NULL,
    weight NUMERIC(9, 4) DEFAULT 0 NOT NULL,
    aggregation group_aggregation DEFAULT 'points' NOT NULL,
    drop_lowest INTEGER DEFAULT 0 NOT NULL,
    drop_highest INTEGER DEFAULT 0 NOT NULL,
    is_extra_credit BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT assessment_groups_pkey PRIMARY KEY (id),
    CONSTRAINT assessment_groups_weight_not_negative_check CHECK (weight >= 0),
    CONSTRAINT assessment_groups_drop_lowest_not_negative_check CHECK (drop_lowest >= 0),
    CONSTRAINT assessment_groups_drop_highest_not_negative_check CHECK (drop_highest >= 0),
    CONSTRAINT assessment_groups_course_id_order_index_key UNIQUE (course_id, order_index) DEFERRABLE,
    CONSTRAINT assessment_groups_id_course_id_key UNIQUE (id, course_id),
    CONSTRAINT assessment_groups_finite_values_check CHECK (isfinite(created_at) AND isfinite(updated_at) AND weight <> 'NaN')
)""",
    "COMMENT ON TABLE assessment_groups IS 'Groups of assessments that are graded together, such as homework or exams'",
    "COMMENT ON COLUMN assessment_groups.weight IS 'Relative to the other groups''; in percent of the course if it is extra credit'",
    "COMMENT ON COLUMN assessment_groups.aggregation IS 'Whether assessments count by their points, all alike, or by their weights'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON assessment_groups
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # gradebooks
    """\
CREATE TABLE gradebooks (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    course_id UUID NOT NULL,
    institution_id UUID NOT NULL,
    grading_scheme_id UUID,
    is_weighted BOOLEAN DEFAULT false NOT NULL,
    weight_periods BOOLEAN DEFAULT false NOT NULL,
    max_percentage NUMERIC(7, 4),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT gradebooks_pkey PRIMARY KEY (id),
    CONSTRAINT gradebooks_max_percentage_positive_check CHECK (max_percentage > 0),
    CONSTRAINT gradebooks_grading_scheme_id_institution_id_fkey FOREIGN KEY (grading_scheme_id, institution_id) REFERENCES grading_schemes (id, institution_id) ON DELETE SET NULL (grading_scheme_id),
    CONSTRAINT gradebooks_course_id_key UNIQUE (course_id),
    CONSTRAINT gradebooks_finite_values_check CHECK (isfinite(created_at) AND isfinite(updated_at) AND max_percentage <> 'NaN')
)""",
    "CREATE INDEX idx_gradebooks_scheme ON gradebooks (grading_scheme_id)",
    "COMMENT ON TABLE gradebooks IS 'How a course is graded; a course without one: by points, without labels'",
    "COMMENT ON COLUMN gradebooks.grading_scheme_id IS 'NULL: no labels, two decimal places'",
    "COMMENT ON COLUMN gradebooks.is_weighted IS 'Whether groups count by their weights; else all points count alike'",
    "COMMENT ON COLUMN gradebooks.weight_periods IS 'Whether the course''s grade is that of its periods by their weights'",
    "COMMENT ON COLUMN gradebooks.max_percentage IS 'What a grade is capped at; NULL: no cap'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON gradebooks
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # grading_periods
    """\
CREATE TABLE grading_periods (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    course_id UUID NOT NULL,
    name VARCHAR(100) NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    weight NUMERIC(9, 4) DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT grading_periods_pkey PRIMARY KEY (id),
    CONSTRAINT grading_periods_weight_not_negative_check CHECK (weight >= 0),
    CONSTRAINT grading_periods_course_id_starts_at_key UNIQUE (course_id, starts_at),
    CONSTRAINT grading_periods_id_course_id_key UNIQUE (id, course_id),
    CONSTRAINT grading_periods_finite_values_check CHECK (isfinite(starts_at) AND isfinite(created_at) AND isfinite(updated_at) AND weight <> 'NaN')
)""",
    "COMMENT ON TABLE grading_periods IS 'The periods of a course, such as its quarters'",
    "COMMENT ON COLUMN grading_periods.starts_at IS 'A period lasts until the next one starts: each due date lies in exactly one'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON grading_periods
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # late_policies
    """\
CREATE TABLE late_policies (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    course_id UUID NOT NULL,
    name VARCHAR(255) NOT NULL,
    deduction_percent NUMERIC(7, 4) DEFAULT 0 NOT NULL,
    per late_interval DEFAULT 'day' NOT NULL,
    basis late_basis DEFAULT 'possible' NOT NULL,
    grace_minutes INTEGER DEFAULT 0 NOT NULL,
    max_deduction_percent NUMERIC(7, 4) DEFAULT 100 NOT NULL,
    missing_percent NUMERIC(7, 4),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT late_policies_pkey PRIMARY KEY (id),
    CONSTRAINT late_policies_deduction_percent_from_0_to_100_check CHECK (deduction_percent BETWEEN 0 AND 100),
    CONSTRAINT late_policies_grace_minutes_not_negative_check CHECK (grace_minutes >= 0),
    CONSTRAINT late_policies_max_deduction_percent_from_0_to_100_check CHECK (max_deduction_percent BETWEEN 0 AND 100),
    CONSTRAINT late_policies_missing_percent_from_0_to_100_check CHECK (missing_percent BETWEEN 0 AND 100),
    CONSTRAINT late_policies_course_id_name_key UNIQUE (course_id, name),
    CONSTRAINT late_policies_id_course_id_key UNIQUE (id, course_id),
    CONSTRAINT late_policies_finite_values_check CHECK (isfinite(created_at) AND isfinite(updated_at) AND deduction_percent <> 'NaN' AND max_deduction_percent <> 'NaN' AND missing_percent <> 'NaN')
)""",
    "COMMENT ON TABLE late_policies IS 'What late and missing work costs'",
    "COMMENT ON COLUMN late_policies.deduction_percent IS 'What each hour or day that has begun takes off, in percent of basis'",
    "COMMENT ON COLUMN late_policies.per IS 'A day ends at the hour of the due date, by the institution''s clock'",
    "COMMENT ON COLUMN late_policies.missing_percent IS 'What missing work counts after it was due; NULL: nothing until it is graded'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON late_policies
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # learner_groups
    """\
CREATE TABLE learner_groups (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    course_id UUID NOT NULL,
    name VARCHAR(255) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT learner_groups_pkey PRIMARY KEY (id),
    CONSTRAINT learner_groups_course_id_name_key UNIQUE (course_id, name),
    CONSTRAINT learner_groups_id_course_id_key UNIQUE (id, course_id),
    CONSTRAINT learner_groups_finite_values_check CHECK (isfinite(created_at) AND isfinite(updated_at))
)""",
    "COMMENT ON TABLE learner_groups IS 'Class sections, teams and cohorts of a course (sections are parts of a lesson)'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON learner_groups
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # questions
    """\
CREATE TABLE questions (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    institution_id UUID NOT NULL,
    course_id UUID,
    name VARCHAR(255) NOT NULL,
    tags JSONB DEFAULT '[]' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT questions_pkey PRIMARY KEY (id),
    CONSTRAINT questions_id_institution_id_key UNIQUE (id, institution_id),
    CONSTRAINT questions_json_types_check CHECK ('array' = all(ARRAY[jsonb_typeof(tags)])),
    CONSTRAINT questions_finite_values_check CHECK (isfinite(created_at) AND isfinite(updated_at))
)""",
    "CREATE INDEX idx_questions_course ON questions (course_id)",
    "CREATE INDEX idx_questions_institution_name ON questions (institution_id, name)",
    "CREATE INDEX idx_questions_tags ON questions USING gin (tags jsonb_path_ops)",
    "COMMENT ON TABLE questions IS 'The question bank; what a question says is in its versions'",
    "COMMENT ON COLUMN questions.course_id IS 'NULL: of all courses of the institution'",
    "COMMENT ON COLUMN questions.tags IS 'JSON array: tags'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON questions
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # rubrics
    """\
CREATE TABLE rubrics (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    institution_id UUID NOT NULL,
    course_id UUID,
    title VARCHAR(500) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT rubrics_pkey PRIMARY KEY (id),
    CONSTRAINT rubrics_id_institution_id_key UNIQUE (id, institution_id),
    CONSTRAINT rubrics_finite_values_check CHECK (isfinite(created_at) AND isfinite(updated_at))
)""",
    "CREATE INDEX idx_rubrics_course ON rubrics (course_id)",
    "CREATE INDEX idx_rubrics_institution ON rubrics (institution_id)",
    "COMMENT ON TABLE rubrics IS 'Rubrics: what work is judged by'",
    "COMMENT ON COLUMN rubrics.course_id IS 'NULL: of all courses of the institution'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON rubrics
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # course_grades
    """\
CREATE TABLE course_grades (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    enrollment_id UUID NOT NULL,
    course_id UUID NOT NULL,
    grading_period_id UUID,
    current_percentage NUMERIC(20, 4),
    final_percentage NUMERIC(20, 4),
    staff_current_percentage NUMERIC(20, 4),
    staff_final_percentage NUMERIC(20, 4),
    current_label VARCHAR(10),
    final_label VARCHAR(10),
    override_percentage NUMERIC(20, 4),
    override_label VARCHAR(10),
    details JSONB DEFAULT '{}' NOT NULL,
    finalized_at TIMESTAMP WITH TIME ZONE,
    computed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT course_grades_pkey PRIMARY KEY (id),
    CONSTRAINT course_grades_override_percentage_not_negative_check CHECK (override_percentage >= 0),
    CONSTRAINT course_grades_grading_period_id_course_id_fkey FOREIGN KEY (grading_period_id, course_id) REFERENCES grading_periods (id, course_id) ON DELETE CASCADE,
    CONSTRAINT course_grades_enrollment_id_grading_period_id_key UNIQUE NULLS NOT DISTINCT (enrollment_id, grading_period_id),
    CONSTRAINT course_grades_json_types_check CHECK ('object' = all(ARRAY[jsonb_typeof(details)])),
    CONSTRAINT course_grades_finite_values_check CHECK (isfinite(finalized_at) AND isfinite(computed_at) AND current_percentage <> 'NaN' AND final_percentage <> 'NaN' AND staff_current_percentage <> 'NaN' AND staff_final_percentage <> 'NaN' AND override_percentage <> 'NaN')
)""",
    "CREATE INDEX idx_course_grades_course_final ON course_grades (course_id, final_percentage DESC NULLS LAST) WHERE grading_period_id IS NULL",
    "CREATE INDEX idx_course_grades_period ON course_grades (grading_period_id)",
    "COMMENT ON TABLE course_grades IS 'The grade of a learner in a course, and in each of its periods'",
    "COMMENT ON COLUMN course_grades.grading_period_id IS 'NULL: the whole course'",
    "COMMENT ON COLUMN course_grades.current_percentage IS 'Of what is graded; NULL: nothing is'",
    "COMMENT ON COLUMN course_grades.final_percentage IS 'The same, and what is missing counts 0'",
    "COMMENT ON COLUMN course_grades.staff_current_percentage IS 'With what the learner may not see yet'",
    "COMMENT ON COLUMN course_grades.override_percentage IS 'What a person has entered for the course'",
    "COMMENT ON COLUMN course_grades.details IS 'JSON object: percentage, points and dropped of each group'",
    "COMMENT ON COLUMN course_grades.finalized_at IS 'From then on it is not computed anew'",
    # learner_group_members
    """\
CREATE TABLE learner_group_members (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    learner_group_id UUID NOT NULL,
    enrollment_id UUID NOT NULL,
    course_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT learner_group_members_pkey PRIMARY KEY (id),
    CONSTRAINT learner_group_members_learner_group_id_course_id_fkey FOREIGN KEY (learner_group_id, course_id) REFERENCES learner_groups (id, course_id) ON DELETE CASCADE,
    CONSTRAINT learner_group_members_learner_group_id_enrollment_id_key UNIQUE (learner_group_id, enrollment_id),
    CONSTRAINT learner_group_members_finite_values_check CHECK (isfinite(created_at))
)""",
    "CREATE INDEX idx_learner_group_members_enrollment ON learner_group_members (enrollment_id)",
    "COMMENT ON TABLE learner_group_members IS 'Who is in which group of learners'",
    # question_versions
    """\
CREATE TABLE question_versions (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    question_id UUID NOT NULL,
    institution_id UUID NOT NULL,
    version INTEGER NOT NULL,
    question_type question_type NOT NULL,
    body JSONB DEFAULT '{}' NOT NULL,
    answer_key JSONB DEFAULT '{}' NOT NULL,
    points NUMERIC(10, 4) DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT question_versions_pkey PRIMARY KEY (id),
    CONSTRAINT question_versions_version_positive_check CHECK (version > 0),
    CONSTRAINT question_versions_points_positive_check CHECK (points > 0),
    CONSTRAINT question_versions_question_id_institution_id_fkey FOREIGN KEY (question_id, institution_id) REFERENCES questions (id, institution_id) ON DELETE CASCADE,
    CONSTRAINT question_versions_question_id_version_key UNIQUE (question_id, version),
    CONSTRAINT question_versions_id_institution_id_key UNIQUE (id, institution_id),
    CONSTRAINT question_versions_json_types_check CHECK ('object' = all(ARRAY[jsonb_typeof(body), jsonb_typeof(answer_key)])),
    CONSTRAINT question_versions_finite_values_check CHECK (isfinite(created_at) AND points <> 'NaN')
)""",
    "COMMENT ON TABLE question_versions IS 'Versions of questions; a version never changes'",
    "COMMENT ON COLUMN question_versions.body IS 'JSON object: what the question says'",
    "COMMENT ON COLUMN question_versions.answer_key IS 'JSON object: what is right'",
    # rubric_criteria
    """\
CREATE TABLE rubric_criteria (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    rubric_id UUID NOT NULL,
    order_index INTEGER NOT NULL,
    description TEXT NOT NULL,
    points NUMERIC(10, 4) NOT NULL,
    levels JSONB DEFAULT '[]' NOT NULL,
    CONSTRAINT rubric_criteria_pkey PRIMARY KEY (id),
    CONSTRAINT rubric_criteria_points_not_negative_check CHECK (points >= 0),
    CONSTRAINT rubric_criteria_rubric_id_order_index_key UNIQUE (rubric_id, order_index) DEFERRABLE,
    CONSTRAINT rubric_criteria_id_rubric_id_key UNIQUE (id, rubric_id),
    CONSTRAINT rubric_criteria_rubric_id_fkey FOREIGN KEY (rubric_id) REFERENCES rubrics (id) ON DELETE CASCADE,
    CONSTRAINT rubric_criteria_json_types_check CHECK ('array' = all(ARRAY[jsonb_typeof(levels)])),
    CONSTRAINT rubric_criteria_finite_values_check CHECK (points <> 'NaN')
)""",
    "COMMENT ON TABLE rubric_criteria IS 'The criteria of a rubric, in the order of order_index'",
    "COMMENT ON COLUMN rubric_criteria.levels IS 'JSON array: its levels, each with label, points and description'",
    # assessments
    """\
CREATE TABLE assessments (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    course_id UUID NOT NULL,
    institution_id UUID NOT NULL,
    assessment_group_id UUID,
    section_id UUID,
    rubric_id UUID,
    late_policy_id UUID,
    title VARCHAR(500) NOT NULL,
    kind assessment_kind NOT NULL,
    order_index INTEGER DEFAULT 0 NOT NULL,
    points_possible NUMERIC(10, 4) DEFAULT 100 NOT NULL,
    bonus_points NUMERIC(10, 4) DEFAULT 0 NOT NULL,
    max_score NUMERIC(10, 4) GENERATED ALWAYS AS (points_possible + bonus_points) STORED NOT NULL,
    weight NUMERIC(9, 4) DEFAULT 1 NOT NULL,
    is_extra_credit BOOLEAN DEFAULT false NOT NULL,
    never_drop BOOLEAN DEFAULT false NOT NULL,
    opens_at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE,
    closes_at TIMESTAMP WITH TIME ZONE,
    attempts_allowed INTEGER DEFAULT 1,
    time_limit_minutes INTEGER,
    score_policy score_policy DEFAULT 'latest' NOT NULL,
    only_overrides BOOLEAN DEFAULT false NOT NULL,
    is_anonymous BOOLEAN DEFAULT false NOT NULL,
    revealed_at TIMESTAMP WITH TIME ZONE,
    posts_automatically BOOLEAN DEFAULT true NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    settings JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT assessments_pkey PRIMARY KEY (id),
    CONSTRAINT assessments_title_not_blank_check CHECK (title ~ '\\S'),
    CONSTRAINT assessments_points_possible_positive_check CHECK (points_possible > 0),
    CONSTRAINT assessments_bonus_points_not_negative_check CHECK (bonus_points >= 0),
    CONSTRAINT assessments_weight_not_negative_check CHECK (weight >= 0),
    CONSTRAINT assessments_due_at_not_before_opens_at_check CHECK (due_at >= opens_at),
    CONSTRAINT assessments_closes_at_not_before_due_at_check CHECK (closes_at >= due_at),
    CONSTRAINT assessments_closes_at_not_before_opens_at_check CHECK (closes_at >= opens_at),
    CONSTRAINT assessments_attempts_allowed_positive_check CHECK (attempts_allowed > 0),
    CONSTRAINT assessments_time_limit_minutes_positive_check CHECK (time_limit_minutes > 0),
    CONSTRAINT assessments_assessment_group_id_course_id_fkey FOREIGN KEY (assessment_group_id, course_id) REFERENCES assessment_groups (id, course_id),
    CONSTRAINT assessments_rubric_id_institution_id_fkey FOREIGN KEY (rubric_id, institution_id) REFERENCES rubrics (id, institution_id) ON DELETE SET NULL (rubric_id),
    CONSTRAINT assessments_late_policy_id_course_id_fkey FOREIGN KEY (late_policy_id, course_id) REFERENCES late_policies (id, course_id) ON DELETE SET NULL (late_policy_id),
    CONSTRAINT assessments_id_institution_id_key UNIQUE (id, institution_id),
    CONSTRAINT assessments_id_course_id_key UNIQUE (id, course_id),
    CONSTRAINT assessments_id_course_id_max_score_key UNIQUE (id, course_id, max_score),
    CONSTRAINT assessments_json_types_check CHECK ('object' = all(ARRAY[jsonb_typeof(settings)])),
    CONSTRAINT assessments_finite_values_check CHECK (isfinite(opens_at) AND isfinite(due_at) AND isfinite(closes_at) AND isfinite(revealed_at) AND isfinite(published_at) AND isfinite(created_at) AND isfinite(updated_at) AND points_possible <> 'NaN' AND bonus_points <> 'NaN' AND max_score <> 'NaN' AND weight <> 'NaN')
)""",
    "CREATE INDEX idx_assessments_course_order ON assessments (course_id, order_index)",
    "CREATE INDEX idx_assessments_due ON assessments (due_at)",
    "CREATE INDEX idx_assessments_group ON assessments (assessment_group_id)",
    "CREATE INDEX idx_assessments_late_policy ON assessments (late_policy_id)",
    "CREATE INDEX idx_assessments_rubric ON assessments (rubric_id)",
    "CREATE INDEX idx_assessments_section ON assessments (section_id)",
    "COMMENT ON TABLE assessments IS 'What is graded: assignments, quizzes, exams'",
    "COMMENT ON COLUMN assessments.assessment_group_id IS 'NULL: it counts in no total'",
    "COMMENT ON COLUMN assessments.section_id IS 'Where in the content it is'",
    "COMMENT ON COLUMN assessments.late_policy_id IS 'NULL: late work costs nothing'",
    "COMMENT ON COLUMN assessments.bonus_points IS 'How far a score may lie above points_possible'",
    "COMMENT ON COLUMN assessments.max_score IS 'The highest score there is: attempts and grades carry it along'",
    "COMMENT ON COLUMN assessments.weight IS 'Within a group whose assessments count by their weights'",
    "COMMENT ON COLUMN assessments.is_extra_credit IS 'Whether its points are added and not expected; it is never dropped'",
    "COMMENT ON COLUMN assessments.attempts_allowed IS 'How many; NULL: without limit'",
    "COMMENT ON COLUMN assessments.score_policy IS 'Which attempt counts, after late penalties'",
    "COMMENT ON COLUMN assessments.only_overrides IS 'Whether it is only for those whom an exception names'",
    "COMMENT ON COLUMN assessments.revealed_at IS 'When anonymous grading ended: until then its grades count in no total'",
    "COMMENT ON COLUMN assessments.posts_automatically IS 'Whether a grade is visible to its learner as soon as there is one'",
    "COMMENT ON COLUMN assessments.published_at IS 'NULL: a draft, which counts nowhere'",
    "COMMENT ON COLUMN assessments.settings IS 'JSON object: settings of the application'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON assessments
FOR EACH ROW
WHEN (
    old.id IS DISTINCT FROM new.id
    OR old.course_id IS DISTINCT FROM new.course_id
    OR old.institution_id IS DISTINCT FROM new.institution_id
    OR old.assessment_group_id IS DISTINCT FROM new.assessment_group_id
    OR old.section_id IS DISTINCT FROM new.section_id
    OR old.rubric_id IS DISTINCT FROM new.rubric_id
    OR old.late_policy_id IS DISTINCT FROM new.late_policy_id
    OR old.title IS DISTINCT FROM new.title
    OR old.kind IS DISTINCT FROM new.kind
    OR old.order_index IS DISTINCT FROM new.order_index
    OR old.points_possible IS DISTINCT FROM new.points_possible
    OR old.bonus_points IS DISTINCT FROM new.bonus_points
    OR old.weight IS DISTINCT FROM new.weight
    OR old.is_extra_credit IS DISTINCT FROM new.is_extra_credit
    OR old.never_drop IS DISTINCT FROM new.never_drop
    OR old.opens_at IS DISTINCT FROM new.opens_at
    OR old.due_at IS DISTINCT FROM new.due_at
    OR old.closes_at IS DISTINCT FROM new.closes_at
    OR old.attempts_allowed IS DISTINCT FROM new.attempts_allowed
    OR old.time_limit_minutes IS DISTINCT FROM new.time_limit_minutes
    OR old.score_policy IS DISTINCT FROM new.score_policy
    OR old.only_overrides IS DISTINCT FROM new.only_overrides
    OR old.is_anonymous IS DISTINCT FROM new.is_anonymous
    OR old.revealed_at IS DISTINCT FROM new.revealed_at
    OR old.posts_automatically IS DISTINCT FROM new.posts_automatically
    OR old.published_at IS DISTINCT FROM new.published_at
    OR old.settings IS DISTINCT FROM new.settings
    OR old.created_at IS DISTINCT FROM new.created_at
    OR old.updated_at IS DISTINCT FROM new.updated_at
)
EXECUTE FUNCTION set_updated_at()""",
    # assessment_overrides
    """\
CREATE TABLE assessment_overrides (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    assessment_id UUID NOT NULL,
    course_id UUID NOT NULL,
    enrollment_id UUID,
    learner_group_id UUID,
    opens_at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE,
    closes_at TIMESTAMP WITH TIME ZONE,
    attempts_allowed INTEGER,
    time_limit_factor NUMERIC(4, 2),
    may_shorten BOOLEAN DEFAULT false NOT NULL,
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT assessment_overrides_pkey PRIMARY KEY (id),
    CONSTRAINT assessment_overrides_one_target_check CHECK (num_nonnulls(enrollment_id, learner_group_id) = 1),
    CONSTRAINT assessment_overrides_due_at_not_before_opens_at_check CHECK (due_at >= opens_at),
    CONSTRAINT assessment_overrides_closes_at_not_before_due_at_check CHECK (closes_at >= due_at),
    CONSTRAINT assessment_overrides_closes_at_not_before_opens_at_check CHECK (closes_at >= opens_at),
    CONSTRAINT assessment_overrides_attempts_allowed_positive_check CHECK (attempts_allowed > 0),
    CONSTRAINT assessment_overrides_time_limit_factor_from_1_check CHECK (time_limit_factor >= 1),
    CONSTRAINT assessment_overrides_assessment_id_course_id_fkey FOREIGN KEY (assessment_id, course_id) REFERENCES assessments (id, course_id) ON DELETE CASCADE,
    CONSTRAINT assessment_overrides_learner_group_id_course_id_fkey FOREIGN KEY (learner_group_id, course_id) REFERENCES learner_groups (id, course_id) ON DELETE CASCADE,
    CONSTRAINT assessment_overrides_assessment_id_enrollment_id_key UNIQUE (assessment_id, enrollment_id),
    CONSTRAINT assessment_overrides_assessment_id_learner_group_id_key UNIQUE (assessment_id, learner_group_id),
    CONSTRAINT assessment_overrides_finite_values_check CHECK (isfinite(opens_at) AND isfinite(due_at) AND isfinite(closes_at) AND isfinite(created_at) AND isfinite(updated_at) AND time_limit_factor <> 'NaN')
)""",
    "CREATE INDEX idx_assessment_overrides_course ON assessment_overrides (course_id)",
    "CREATE INDEX idx_assessment_overrides_enrollment ON assessment_overrides (enrollment_id)",
    "CREATE INDEX idx_assessment_overrides_group ON assessment_overrides (learner_group_id)",
    "COMMENT ON TABLE assessment_overrides IS 'Exceptions of an assessment for a learner or a group'",
    "COMMENT ON COLUMN assessment_overrides.enrollment_id IS 'The learner; or learner_group_id'",
    "COMMENT ON COLUMN assessment_overrides.learner_group_id IS 'The group; an exception for the learner precedes'",
    "COMMENT ON COLUMN assessment_overrides.opens_at IS 'NULL: as for all; so the others'",
    "COMMENT ON COLUMN assessment_overrides.time_limit_factor IS 'By how much the time limit is longer, as an accommodation'",
    "COMMENT ON COLUMN assessment_overrides.may_shorten IS 'Whether it holds where all have more time or attempts than it gives'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON assessment_overrides
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # assessment_versions
    """\
CREATE TABLE assessment_versions (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    assessment_id UUID NOT NULL,
    institution_id UUID NOT NULL,
    version INTEGER NOT NULL,
    pool_picks JSONB DEFAULT '{}' NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT assessment_versions_pkey PRIMARY KEY (id),
    CONSTRAINT assessment_versions_version_positive_check CHECK (version > 0),
    CONSTRAINT assessment_versions_assessment_id_institution_id_fkey FOREIGN KEY (assessment_id, institution_id) REFERENCES assessments (id, institution_id) ON DELETE CASCADE,
    CONSTRAINT assessment_versions_assessment_id_version_key UNIQUE (assessment_id, version),
    CONSTRAINT assessment_versions_id_assessment_id_key UNIQUE (id, assessment_id),
    CONSTRAINT assessment_versions_id_institution_id_key UNIQUE (id, institution_id),
    CONSTRAINT assessment_versions_json_types_check CHECK ('object' = all(ARRAY[jsonb_typeof(pool_picks)])),
    CONSTRAINT assessment_versions_finite_values_check CHECK (isfinite(published_at) AND isfinite(created_at))
)""",
    "COMMENT ON TABLE assessment_versions IS 'Forms of an assessment: which questions it asks'",
    "COMMENT ON COLUMN assessment_versions.pool_picks IS 'JSON object: how many items are drawn of each pool'",
    "COMMENT ON COLUMN assessment_versions.published_at IS 'From then on neither it nor its items change'",
    # assessment_attempts
    """\
CREATE TABLE assessment_attempts (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    course_id UUID NOT NULL,
    enrollment_id UUID NOT NULL,
    assessment_id UUID NOT NULL,
    max_score NUMERIC(10, 4) NOT NULL,
    assessment_version_id UUID,
    attempt_number INTEGER NOT NULL,
    previous_number INTEGER GENERATED ALWAYS AS (nullif(attempt_number - 1, 0)) STORED,
    status attempt_status DEFAULT 'in_progress' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    submitted_at TIMESTAMP WITH TIME ZONE,
    content JSONB DEFAULT '{}' NOT NULL,
    score NUMERIC(10, 4),
    graded_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT assessment_attempts_pkey PRIMARY KEY (id),
    CONSTRAINT assessment_attempts_attempt_number_positive_check CHECK (attempt_number > 0),
    CONSTRAINT assessment_attempts_submitted_at_not_before_started_at_check CHECK (submitted_at >= started_at),
    CONSTRAINT assessment_attempts_submitted_at_when_submitted_check CHECK (status = 'voided' OR (status = 'in_progress') = (submitted_at IS NULL)),
    CONSTRAINT assessment_attempts_score_when_graded_check CHECK (status <> 'graded' OR score IS NOT NULL),
    CONSTRAINT assessment_attempts_score_not_negative_check CHECK (score >= 0),
    CONSTRAINT assessment_attempts_score_within_max_check CHECK (score <= max_score),
    CONSTRAINT assessment_attempts_assessment_id_course_id_max_score_fkey FOREIGN KEY (assessment_id, course_id, max_score) REFERENCES assessments (id, course_id, max_score) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT assessment_attempts_assessment_version_id_assessment_id_fkey FOREIGN KEY (assessment_version_id, assessment_id) REFERENCES assessment_versions (id, assessment_id),
    CONSTRAINT assessment_attempts_previous_number_fkey FOREIGN KEY (enrollment_id, assessment_id, previous_number) REFERENCES assessment_attempts (enrollment_id, assessment_id, attempt_number),
    CONSTRAINT assessment_attempts_number_key UNIQUE (enrollment_id, assessment_id, attempt_number),
    CONSTRAINT assessment_attempts_id_assessment_version_id_key UNIQUE (id, assessment_version_id),
    CONSTRAINT assessment_attempts_id_enrollment_id_assessment_id_key UNIQUE (id, enrollment_id, assessment_id),
    CONSTRAINT assessment_attempts_json_types_check CHECK ('object' = all(ARRAY[jsonb_typeof(content)])),
    CONSTRAINT assessment_attempts_finite_values_check CHECK (isfinite(started_at) AND isfinite(expires_at) AND isfinite(submitted_at) AND isfinite(graded_at) AND isfinite(created_at) AND isfinite(updated_at) AND max_score <> 'NaN' AND score <> 'NaN')
)""",
    "CREATE INDEX idx_assessment_attempts_assessment ON assessment_attempts (assessment_id)",
    "CREATE INDEX idx_assessment_attempts_expires ON assessment_attempts (expires_at) WHERE status = 'in_progress'",
    "CREATE UNIQUE INDEX idx_assessment_attempts_in_progress ON assessment_attempts (enrollment_id, assessment_id) WHERE status = 'in_progress'",
    "CREATE INDEX idx_assessment_attempts_to_grade ON assessment_attempts (assessment_id, submitted_at) WHERE status = 'submitted'",
    "CREATE INDEX idx_assessment_attempts_version ON assessment_attempts (assessment_version_id)",
    "COMMENT ON TABLE assessment_attempts IS 'Attempts at assessments: quizzes taken, work handed in, each resubmission of it'",
    "COMMENT ON COLUMN assessment_attempts.max_score IS 'The assessment''s; so is course_id'",
    "COMMENT ON COLUMN assessment_attempts.assessment_version_id IS 'NULL: an assessment without questions'",
    "COMMENT ON COLUMN assessment_attempts.attempt_number IS 'From 1 on, without gaps'",
    "COMMENT ON COLUMN assessment_attempts.previous_number IS 'The attempt that there has to be before it'",
    "COMMENT ON COLUMN assessment_attempts.expires_at IS 'When its time is up'",
    "COMMENT ON COLUMN assessment_attempts.content IS 'JSON object: what was handed in, other than responses'",
    "COMMENT ON COLUMN assessment_attempts.score IS 'Before late penalties'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON assessment_attempts
FOR EACH ROW
WHEN (
    old.id IS DISTINCT FROM new.id
    OR old.course_id IS DISTINCT FROM new.course_id
    OR old.enrollment_id IS DISTINCT FROM new.enrollment_id
    OR old.assessment_id IS DISTINCT FROM new.assessment_id
    OR old.max_score IS DISTINCT FROM new.max_score
    OR old.assessment_version_id IS DISTINCT FROM new.assessment_version_id
    OR old.attempt_number IS DISTINCT FROM new.attempt_number
    OR old.status IS DISTINCT FROM new.status
    OR old.started_at IS DISTINCT FROM new.started_at
    OR old.expires_at IS DISTINCT FROM new.expires_at
    OR old.submitted_at IS DISTINCT FROM new.submitted_at
    OR old.content IS DISTINCT FROM new.content
    OR old.score IS DISTINCT FROM new.score
    OR old.graded_at IS DISTINCT FROM new.graded_at
    OR old.created_at IS DISTINCT FROM new.created_at
    OR old.updated_at IS DISTINCT FROM new.updated_at
)
EXECUTE FUNCTION set_updated_at()""",
    # assessment_items
    """\
CREATE TABLE assessment_items (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    assessment_version_id UUID NOT NULL,
    institution_id UUID NOT NULL,
    question_version_id UUID NOT NULL,
    order_index INTEGER NOT NULL,
    points NUMERIC(10, 4) NOT NULL,
    pool VARCHAR(50),
    regrade JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT assessment_items_pkey PRIMARY KEY (id),
    CONSTRAINT assessment_items_points_not_negative_check CHECK (points >= 0),
    CONSTRAINT assessment_items_assessment_version_id_institution_id_fkey FOREIGN KEY (assessment_version_id, institution_id) REFERENCES assessment_versions (id, institution_id) ON DELETE CASCADE,
    CONSTRAINT assessment_items_question_version_id_institution_id_fkey FOREIGN KEY (question_version_id, institution_id) REFERENCES question_versions (id, institution_id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT assessment_items_assessment_version_id_order_index_key UNIQUE (assessment_version_id, order_index) DEFERRABLE,
    CONSTRAINT assessment_items_id_assessment_version_id_key UNIQUE (id, assessment_version_id),
    CONSTRAINT assessment_items_json_types_check CHECK ('object' = all(ARRAY[jsonb_typeof(regrade)])),
    CONSTRAINT assessment_items_finite_values_check CHECK (points <> 'NaN')
)""",
    "CREATE INDEX idx_assessment_items_question_version ON assessment_items (question_version_id)",
    "COMMENT ON TABLE assessment_items IS 'The questions of a form of an assessment, in the order of order_index'",
    "COMMENT ON COLUMN assessment_items.pool IS 'NULL: everybody gets it; else one of a pool'",
    "COMMENT ON COLUMN assessment_items.regrade IS 'JSON object: how it is graded after all: full_credit, reason; all that changes after publication'",
    # grades
    """\
CREATE TABLE grades (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    enrollment_id UUID NOT NULL,
    assessment_id UUID NOT NULL,
    course_id UUID NOT NULL,
    max_score NUMERIC(10, 4) NOT NULL,
    attempt_id UUID,
    status grade_status DEFAULT 'not_submitted' NOT NULL,
    raw_score NUMERIC(10, 4),
    late_deduction NUMERIC(10, 4) DEFAULT 0 NOT NULL,
    override_score NUMERIC(10, 4),
    score NUMERIC(10, 4) GENERATED ALWAYS AS (CASE WHEN override_score IS NOT NULL THEN override_score WHEN raw_score < late_deduction THEN 0 ELSE raw_score - late_deduction END) STORED,
    is_excused BOOLEAN DEFAULT false NOT NULL,
    feedback TEXT,
    posted_at TIMESTAMP WITH TIME ZONE,
    grader_id UUID,
    graded_at TIMESTAMP WITH TIME ZONE,
    version INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT grades_pkey PRIMARY KEY (id),
    CONSTRAINT grades_raw_score_not_negative_check CHECK (raw_score >= 0),
    CONSTRAINT grades_late_deduction_not_negative_check CHECK (late_deduction >= 0),
    CONSTRAINT grades_override_score_not_negative_check CHECK (override_score >= 0),
    CONSTRAINT grades_score_within_max_check CHECK (score <= max_score),
    CONSTRAINT grades_assessment_id_course_id_max_score_fkey FOREIGN KEY (assessment_id, course_id, max_score) REFERENCES assessments (id, course_id, max_score) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT grades_attempt_id_enrollment_id_assessment_id_fkey FOREIGN KEY (attempt_id, enrollment_id, assessment_id) REFERENCES assessment_attempts (id, enrollment_id, assessment_id) ON DELETE SET NULL (attempt_id),
    CONSTRAINT grades_enrollment_id_assessment_id_key UNIQUE (enrollment_id, assessment_id),
    CONSTRAINT grades_finite_values_check CHECK (isfinite(posted_at) AND isfinite(graded_at) AND isfinite(created_at) AND isfinite(updated_at) AND max_score <> 'NaN' AND raw_score <> 'NaN' AND late_deduction <> 'NaN' AND override_score <> 'NaN' AND score <> 'NaN')
)""",
    "CREATE INDEX idx_grades_assessment_score ON grades (assessment_id, score)",
    "CREATE INDEX idx_grades_attempt ON grades (attempt_id)",
    "CREATE INDEX idx_grades_course ON grades (course_id)",
    "CREATE INDEX idx_grades_grader ON grades (grader_id)",
    "COMMENT ON TABLE grades IS 'The grade of a learner in an assessment, once there is anything to say'",
    "COMMENT ON COLUMN grades.max_score IS 'The assessment''s; so is course_id'",
    "COMMENT ON COLUMN grades.attempt_id IS 'The attempt that counts; NULL for an average'",
    "COMMENT ON COLUMN grades.status IS 'Of the attempts; it and raw_score, late_deduction, attempt_id are computed'",
    "COMMENT ON COLUMN grades.raw_score IS 'What the attempts come to, before late penalties'",
    "COMMENT ON COLUMN grades.override_score IS 'What a person has entered: it counts, whatever the attempts come to'",
    "COMMENT ON COLUMN grades.score IS 'What counts; NULL: nothing is graded, which is not 0'",
    "COMMENT ON COLUMN grades.posted_at IS 'From when on the learner sees it; NULL: hidden'",
    "COMMENT ON COLUMN grades.version IS 'One more with each change by a person: UPDATE ... WHERE version = the one read'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON grades
FOR EACH ROW
WHEN (
    old.id IS DISTINCT FROM new.id
    OR old.enrollment_id IS DISTINCT FROM new.enrollment_id
    OR old.assessment_id IS DISTINCT FROM new.assessment_id
    OR old.course_id IS DISTINCT FROM new.course_id
    OR old.max_score IS DISTINCT FROM new.max_score
    OR old.attempt_id IS DISTINCT FROM new.attempt_id
    OR old.status IS DISTINCT FROM new.status
    OR old.raw_score IS DISTINCT FROM new.raw_score
    OR old.late_deduction IS DISTINCT FROM new.late_deduction
    OR old.override_score IS DISTINCT FROM new.override_score
    OR old.is_excused IS DISTINCT FROM new.is_excused
    OR old.feedback IS DISTINCT FROM new.feedback
    OR old.posted_at IS DISTINCT FROM new.posted_at
    OR old.grader_id IS DISTINCT FROM new.grader_id
    OR old.graded_at IS DISTINCT FROM new.graded_at
    OR old.version IS DISTINCT FROM new.version
    OR old.created_at IS DISTINCT FROM new.created_at
    OR old.updated_at IS DISTINCT FROM new.updated_at
)
EXECUTE FUNCTION set_updated_at()""",
    # gradings
    """\
CREATE TABLE gradings (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    attempt_id UUID NOT NULL,
    grader_id UUID,
    rubric_id UUID,
    is_final BOOLEAN DEFAULT true NOT NULL,
    score NUMERIC(10, 4),
    feedback TEXT,
    version INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT gradings_pkey PRIMARY KEY (id),
    CONSTRAINT gradings_score_not_negative_check CHECK (score >= 0),
    CONSTRAINT gradings_id_rubric_id_key UNIQUE (id, rubric_id),
    CONSTRAINT gradings_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES assessment_attempts (id) ON DELETE CASCADE,
    CONSTRAINT gradings_rubric_id_fkey FOREIGN KEY (rubric_id) REFERENCES rubrics (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT gradings_finite_values_check CHECK (isfinite(created_at) AND isfinite(updated_at) AND score <> 'NaN')
)""",
    "CREATE UNIQUE INDEX idx_gradings_attempt_grader ON gradings (attempt_id, grader_id, is_final)",
    "CREATE UNIQUE INDEX idx_gradings_final ON gradings (attempt_id) WHERE is_final",
    "CREATE INDEX idx_gradings_grader_time ON gradings (grader_id, updated_at DESC)",
    "CREATE INDEX idx_gradings_rubric ON gradings (rubric_id)",
    "COMMENT ON TABLE gradings IS 'Judgements of attempts by graders'",
    "COMMENT ON COLUMN gradings.grader_id IS 'NULL: a program, or a deleted user'",
    "COMMENT ON COLUMN gradings.is_final IS 'Whether its score becomes the attempt''s; else one of several to moderate'",
    "COMMENT ON COLUMN gradings.version IS 'One more with each change: UPDATE ... WHERE version = the one that was read'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON gradings
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # item_responses
    """\
CREATE TABLE item_responses (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    attempt_id UUID NOT NULL,
    assessment_version_id UUID NOT NULL,
    assessment_item_id UUID NOT NULL,
    response JSONB,
    score NUMERIC(10, 4),
    feedback TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT item_responses_pkey PRIMARY KEY (id),
    CONSTRAINT item_responses_attempt_id_assessment_version_id_fkey FOREIGN KEY (attempt_id, assessment_version_id) REFERENCES assessment_attempts (id, assessment_version_id) ON DELETE CASCADE,
    CONSTRAINT item_responses_assessment_item_id_assessment_version_id_fkey FOREIGN KEY (assessment_item_id, assessment_version_id) REFERENCES assessment_items (id, assessment_version_id),
    CONSTRAINT item_responses_attempt_id_assessment_item_id_key UNIQUE (attempt_id, assessment_item_id),
    CONSTRAINT item_responses_finite_values_check CHECK (isfinite(created_at) AND isfinite(updated_at) AND score <> 'NaN')
)""",
    "CREATE INDEX idx_item_responses_item ON item_responses (assessment_item_id)",
    "COMMENT ON TABLE item_responses IS 'Responses to the items of the form that was attempted'",
    "COMMENT ON COLUMN item_responses.response IS 'JSON: the answer, as the type of the question has it; NULL: none was given'",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON item_responses
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    # rubric_ratings
    """\
CREATE TABLE rubric_ratings (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    grading_id UUID NOT NULL,
    rubric_id UUID NOT NULL,
    rubric_criterion_id UUID NOT NULL,
    points NUMERIC(10, 4) NOT NULL,
    comment TEXT,
    CONSTRAINT rubric_ratings_pkey PRIMARY KEY (id),
    CONSTRAINT rubric_ratings_points_not_negative_check CHECK (points >= 0),
    CONSTRAINT rubric_ratings_grading_id_rubric_id_fkey FOREIGN KEY (grading_id, rubric_id) REFERENCES gradings (id, rubric_id) ON DELETE CASCADE,
    CONSTRAINT rubric_ratings_rubric_criterion_id_rubric_id_fkey FOREIGN KEY (rubric_criterion_id, rubric_id) REFERENCES rubric_criteria (id, rubric_id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT rubric_ratings_grading_id_rubric_criterion_id_key UNIQUE (grading_id, rubric_criterion_id),
    CONSTRAINT rubric_ratings_finite_values_check CHECK (points <> 'NaN')
)""",
    "CREATE INDEX idx_rubric_ratings_criterion ON rubric_ratings (rubric_criterion_id)",
    "COMMENT ON TABLE rubric_ratings IS 'What a judgement gives for each criterion of its rubric'",
    # grading_schemes
    """\
ALTER TABLE grading_schemes
ADD CONSTRAINT grading_schemes_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE CASCADE""",
    # assessment_groups
    """\
ALTER TABLE assessment_groups
ADD CONSTRAINT assessment_groups_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE""",
    # gradebooks
    """\
ALTER TABLE gradebooks
ADD CONSTRAINT gradebooks_course_id_institution_id_fkey FOREIGN KEY (course_id, institution_id) REFERENCES courses (id, institution_id) ON DELETE CASCADE""",
    # grading_periods
    """\
ALTER TABLE grading_periods
ADD CONSTRAINT grading_periods_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE""",
    # late_policies
    """\
ALTER TABLE late_policies
ADD CONSTRAINT late_policies_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE""",
    # learner_groups
    """\
ALTER TABLE learner_groups
ADD CONSTRAINT learner_groups_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE""",
    # questions
    """\
ALTER TABLE questions
ADD CONSTRAINT questions_course_id_institution_id_fkey FOREIGN KEY (course_id, institution_id) REFERENCES courses (id, institution_id) ON DELETE SET NULL (course_id),
ADD CONSTRAINT questions_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE CASCADE""",
    # rubrics
    """\
ALTER TABLE rubrics
ADD CONSTRAINT rubrics_course_id_institution_id_fkey FOREIGN KEY (course_id, institution_id) REFERENCES courses (id, institution_id) ON DELETE SET NULL (course_id),
ADD CONSTRAINT rubrics_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE CASCADE""",
    # course_grades
    """\
ALTER TABLE course_grades
ADD CONSTRAINT course_grades_enrollment_id_course_id_fkey FOREIGN KEY (enrollment_id, course_id) REFERENCES enrollments (id, course_id) ON DELETE CASCADE""",
    # learner_group_members
    """\
ALTER TABLE learner_group_members
ADD CONSTRAINT learner_group_members_enrollment_id_course_id_fkey FOREIGN KEY (enrollment_id, course_id) REFERENCES enrollments (id, course_id) ON DELETE CASCADE""",
    # assessments
    """\
ALTER TABLE assessments
ADD CONSTRAINT assessments_course_id_institution_id_fkey FOREIGN KEY (course_id, institution_id) REFERENCES courses (id, institution_id) ON DELETE CASCADE,
ADD CONSTRAINT assessments_section_id_fkey FOREIGN KEY (section_id) REFERENCES sections (id) ON DELETE SET NULL""",
    # assessment_overrides
    """\
ALTER TABLE assessment_overrides
ADD CONSTRAINT assessment_overrides_enrollment_id_course_id_fkey FOREIGN KEY (enrollment_id, course_id) REFERENCES enrollments (id, course_id) ON DELETE CASCADE""",
    # assessment_attempts
    """\
ALTER TABLE assessment_attempts
ADD CONSTRAINT assessment_attempts_enrollment_id_course_id_fkey FOREIGN KEY (enrollment_id, course_id) REFERENCES enrollments (id, course_id) ON DELETE CASCADE""",
    # grades
    """\
ALTER TABLE grades
ADD CONSTRAINT grades_enrollment_id_course_id_fkey FOREIGN KEY (enrollment_id, course_id) REFERENCES enrollments (id, course_id) ON DELETE CASCADE,
ADD CONSTRAINT grades_grader_id_fkey FOREIGN KEY (grader_id) REFERENCES users (id) ON DELETE SET NULL""",
    # gradings
    """\
ALTER TABLE gradings
ADD CONSTRAINT gradings_grader_id_fkey FOREIGN KEY (grader_id) REFERENCES users (id) ON DELETE SET NULL""",
)

DOWNGRADE = (
    "DROP TABLE rubric_ratings",
    "DROP TABLE item_responses",
    "DROP TABLE gradings",
    "DROP TABLE grades",
    "DROP TABLE assessment_items",
    "DROP TABLE assessment_attempts",
    "DROP TABLE assessment_versions",
    "DROP TABLE assessment_overrides",
    "DROP TABLE assessments",
    "DROP TABLE rubric_criteria",
    "DROP TABLE question_versions",
    "DROP TABLE learner_group_members",
    "DROP TABLE course_grades",
    "DROP TABLE rubrics",
    "DROP TABLE questions",
    "DROP TABLE learner_groups",
    "DROP TABLE late_policies",
    "DROP TABLE grading_periods",
    "DROP TABLE gradebooks",
    "DROP TABLE assessment_groups",
    "DROP TABLE grading_scheme_levels",
    "DROP TABLE grading_schemes",
    "DROP TABLE recalculations",
    "DROP TABLE grade_changes",
    "DROP TYPE grade_status",
    "DROP TYPE attempt_status",
    "DROP TYPE score_policy",
    "DROP TYPE assessment_kind",
    "DROP TYPE question_type",
    "DROP TYPE late_basis",
    "DROP TYPE late_interval",
    "DROP TYPE group_aggregation",
    "DROP TYPE recalculation_kind",
    "DROP TYPE grade_change_kind",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
