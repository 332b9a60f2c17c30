"""Enrollments and the progress in sections and lessons.

Revision ID: 0002_progress
Revises: 0001_foundation
"""

from alembic import op

revision = "0002_progress"
down_revision = "0001_foundation"
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE TYPE enrollment_status AS ENUM ('active', 'completed', 'withdrawn', 'suspended')",
    "CREATE TYPE section_completion_status AS ENUM ('not_started', 'in_progress', 'completed', 'reviewed')",
    "CREATE TYPE mastery_level AS ENUM ('struggling', 'developing', 'proficient', 'advanced')",
    # enrollments
    """\
CREATE TABLE enrollments (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    user_id UUID,
    course_id UUID,
    enrolled_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    last_accessed_at TIMESTAMP WITH TIME ZONE,
    completion_date TIMESTAMP WITH TIME ZONE,
    enrollment_status enrollment_status DEFAULT 'active',
    grade NUMERIC(5, 2),
    grade_letter VARCHAR(2),
    initial_assessment JSONB DEFAULT '{}',
    learning_path JSONB DEFAULT '{}',
    personalization_settings JSONB DEFAULT '{}',
    progress_percentage NUMERIC(5, 2) DEFAULT 0,
    sections_completed INTEGER DEFAULT 0,
    total_sections INTEGER DEFAULT 0,
    lessons_completed INTEGER DEFAULT 0,
    total_lessons INTEGER DEFAULT 0,
    total_time_spent INTEGER DEFAULT 0,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT enrollments_pkey PRIMARY KEY (id),
    CONSTRAINT enrollments_user_id_course_id_key UNIQUE (user_id, course_id),
    CONSTRAINT enrollments_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT enrollments_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE
)""",
    "CREATE INDEX idx_enrollments_user ON enrollments (user_id)",
    "CREATE INDEX idx_enrollments_course ON enrollments (course_id)",
    "CREATE INDEX idx_enrollments_status ON enrollments (enrollment_status)",
    "CREATE INDEX idx_enrollments_progress ON enrollments (progress_percentage DESC)",
    "CREATE INDEX idx_enrollments_completion ON enrollments (completion_date DESC NULLS LAST)",
    "CREATE INDEX idx_enrollments_last_accessed ON enrollments (last_accessed_at DESC NULLS LAST)",
    "COMMENT ON TABLE enrollments IS 'Enrollments of users in courses, each with a summary of the progress'",
    "COMMENT ON COLUMN enrollments.completion_date IS 'When the course was completed: an instant, although named a date'",
    "COMMENT ON COLUMN enrollments.grade IS 'Grade as a number'",
    "COMMENT ON COLUMN enrollments.grade_letter IS 'Grade as a letter, such as B+'",
    "COMMENT ON COLUMN enrollments.initial_assessment IS 'JSON object: assessment at the start, the baseline of the analytics'",
    "COMMENT ON COLUMN enrollments.learning_path IS 'JSON object: path of the learner through the course'",
    "COMMENT ON COLUMN enrollments.personalization_settings IS 'JSON object: how the course is adapted to the learner'",
    "COMMENT ON COLUMN enrollments.progress_percentage IS 'Progress in percent, 0 to 100; denormalized for performance'",
    "COMMENT ON COLUMN enrollments.sections_completed IS 'Number of sections completed; denormalized for performance'",
    "COMMENT ON COLUMN enrollments.total_sections IS 'Number of sections of the course; denormalized for performance'",
    "COMMENT ON COLUMN enrollments.lessons_completed IS 'Number of lessons completed; denormalized for performance'",
    "COMMENT ON COLUMN enrollments.total_lessons IS 'Number of lessons of the course; denormalized for performance'",
    "COMMENT ON COLUMN enrollments.total_time_spent IS 'Time spent in minutes (section_progress and lesson_progress count seconds); denormalized for performance'",
    # section_progress
    """\
CREATE TABLE section_progress (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    user_id UUID,
    section_id UUID,
    enrollment_id UUID,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    completed_at TIMESTAMP WITH TIME ZONE,
    last_accessed_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    time_spent INTEGER NOT NULL DEFAULT 0,
    interaction_count INTEGER NOT NULL DEFAULT 0,
    revisit_count INTEGER NOT NULL DEFAULT 0,
    completion_status section_completion_status DEFAULT 'not_started',
    mastery_level mastery_level DEFAULT 'developing',
    confidence_score NUMERIC(3, 2) DEFAULT 0,
    interaction_data JSONB NOT NULL DEFAULT '{}',
    notes TEXT,
    bookmarks JSONB DEFAULT '[]',
    learning_session_id UUID,
    device_type VARCHAR(50),
    access_method VARCHAR(50),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT section_progress_pkey PRIMARY KEY (id),
    CONSTRAINT section_progress_user_id_section_id_key UNIQUE (user_id, section_id),
    CONSTRAINT section_progress_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT section_progress_section_id_fkey FOREIGN KEY (section_id) REFERENCES sections (id) ON DELETE CASCADE,
    CONSTRAINT section_progress_enrollment_id_fkey FOREIGN KEY (enrollment_id) REFERENCES enrollments (id) ON DELETE CASCADE
)""",
    "CREATE INDEX idx_section_progress_user ON section_progress (user_id)",
    "CREATE INDEX idx_section_progress_section ON section_progress (section_id)",
    "CREATE INDEX idx_section_progress_enrollment ON section_progress (enrollment_id)",
    "CREATE INDEX idx_section_progress_status ON section_progress (completion_status)",
    "CREATE INDEX idx_section_progress_mastery ON section_progress (mastery_level)",
    "CREATE INDEX idx_section_progress_completed ON section_progress (completed_at DESC NULLS LAST)",
    "CREATE INDEX idx_section_progress_time_spent ON section_progress (time_spent DESC)",
    "CREATE INDEX idx_section_progress_user_section ON section_progress (user_id, section_id)",
    "CREATE INDEX idx_section_progress_enrollment_status ON section_progress (enrollment_id, completion_status)",
    "COMMENT ON TABLE section_progress IS 'Progress of users in sections'",
    "COMMENT ON COLUMN section_progress.time_spent IS 'Time spent in seconds'",
    "COMMENT ON COLUMN section_progress.confidence_score IS 'Confidence on a scale from 0 to 1'",
    "COMMENT ON COLUMN section_progress.interaction_data IS 'JSON object: what the learner did in the section'",
    "COMMENT ON COLUMN section_progress.bookmarks IS 'JSON array: bookmarks in the section'",
    "COMMENT ON COLUMN section_progress.learning_session_id IS 'The learning session: learning_sessions.id'",
    # lesson_progress
    """\
CREATE TABLE lesson_progress (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    user_id UUID,
    lesson_id UUID,
    enrollment_id UUID,
    started_at TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    last_accessed_at TIMESTAMP WITH TIME ZONE,
    sections_completed INTEGER DEFAULT 0,
    total_sections INTEGER DEFAULT 0,
    completion_percentage NUMERIC(5, 2) DEFAULT 0,
    total_time_spent INTEGER DEFAULT 0,
    average_mastery_level NUMERIC(3, 2) DEFAULT 0,
    overall_confidence NUMERIC(3, 2) DEFAULT 0,
    milestones_achieved JSONB DEFAULT '[]',
    learning_objectives_met JSONB DEFAULT '[]',
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT lesson_progress_pkey PRIMARY KEY (id),
    CONSTRAINT lesson_progress_user_id_lesson_id_key UNIQUE (user_id, lesson_id),
    CONSTRAINT lesson_progress_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT lesson_progress_lesson_id_fkey FOREIGN KEY (lesson_id) REFERENCES lessons (id) ON DELETE CASCADE,
    CONSTRAINT lesson_progress_enrollment_id_fkey FOREIGN KEY (enrollment_id) REFERENCES enrollments (id) ON DELETE CASCADE
)""",
    "CREATE INDEX idx_lesson_progress_user ON lesson_progress (user_id)",
    "CREATE INDEX idx_lesson_progress_lesson ON lesson_progress (lesson_id)",
    "CREATE INDEX idx_lesson_progress_enrollment ON lesson_progress (enrollment_id)",
    "CREATE INDEX idx_lesson_progress_completion ON lesson_progress (completion_percentage DESC)",
    "CREATE INDEX idx_lesson_progress_completed ON lesson_progress (completed_at DESC NULLS LAST)",
    "COMMENT ON TABLE lesson_progress IS 'Progress of users in lessons, aggregated over the sections'",
    "COMMENT ON COLUMN lesson_progress.total_sections IS 'Number of sections of the lesson'",
    "COMMENT ON COLUMN lesson_progress.completion_percentage IS 'Part of the lesson that is completed, in percent, 0 to 100'",
    "COMMENT ON COLUMN lesson_progress.total_time_spent IS 'Time spent in seconds (enrollments.total_time_spent counts minutes)'",
    "COMMENT ON COLUMN lesson_progress.average_mastery_level IS 'Average over the sections of the mastery level, expressed as a number'",
    "COMMENT ON COLUMN lesson_progress.overall_confidence IS 'Confidence over the sections, on a scale from 0 to 1'",
    "COMMENT ON COLUMN lesson_progress.milestones_achieved IS 'JSON array: milestones that the learner has achieved'",
    "COMMENT ON COLUMN lesson_progress.learning_objectives_met IS 'JSON array: learning objectives that the learner has met'",
)

DOWNGRADE = (
    "DROP TABLE lesson_progress",
    "DROP TABLE section_progress",
    "DROP TABLE enrollments",
    "DROP TYPE mastery_level",
    "DROP TYPE section_completion_status",
    "DROP TYPE enrollment_status",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
