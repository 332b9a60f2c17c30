"""Institutions, users, courses, lessons and sections.

Revision ID: 0001_foundation
Revises: nothing
"""

from alembic import op

revision = "0001_foundation"
down_revision = None
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE TYPE education_level AS ENUM ('k12', 'higher_ed', 'corporate', 'continuing_ed')",
    "CREATE TYPE user_role AS ENUM ('student', 'instructor', 'admin', 'ta', 'observer')",
    "CREATE TYPE course_difficulty AS ENUM ('beginner', 'intermediate', 'advanced', 'expert')",
    "CREATE TYPE course_status AS ENUM ('draft', 'published', 'archived', 'under_review')",
    "CREATE TYPE course_visibility AS ENUM ('public', 'institution', 'private')",
    "CREATE TYPE lesson_content_type AS ENUM ('video', 'text', 'interactive', 'mixed')",
    "CREATE TYPE section_type AS ENUM ('introduction', 'content', 'activity', 'assessment', 'summary')",
    "CREATE TYPE section_interaction AS ENUM ('read', 'watch', 'practice', 'quiz', 'discussion')",
    # institutions
    """\
CREATE TABLE institutions (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    name VARCHAR(255) NOT NULL,
    domain VARCHAR(100) NOT NULL,
    education_level education_level NOT NULL,
    timezone VARCHAR(50) DEFAULT 'UTC',
    academic_calendar JSONB NOT NULL DEFAULT '{}',
    settings JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT institutions_pkey PRIMARY KEY (id),
    CONSTRAINT institutions_domain_key UNIQUE (domain)
)""",
    "CREATE INDEX idx_institutions_domain ON institutions (domain)",
    "CREATE INDEX idx_institutions_education_level ON institutions (education_level)",
    "COMMENT ON TABLE institutions IS 'Institutions; deleting one deletes its users and courses'",
    "COMMENT ON COLUMN institutions.timezone IS 'IANA time zone name, such as Europe/Berlin'",
    "COMMENT ON COLUMN institutions.academic_calendar IS 'JSON object: the academic calendar'",
    "COMMENT ON COLUMN institutions.settings IS 'JSON object: settings of the institution'",
    # users
    """\
CREATE TABLE users (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    institution_id UUID,
    email VARCHAR(255) NOT NULL,
    username VARCHAR(100) NOT NULL,
    role user_role NOT NULL,
    profile JSONB NOT NULL DEFAULT '{}',
    learning_preferences JSONB NOT NULL DEFAULT '{}',
    accessibility_needs JSONB NOT NULL DEFAULT '{}',
    privacy_settings JSONB NOT NULL DEFAULT '{}',
    last_active_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE CASCADE,
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_username_key UNIQUE (username)
)""",
    "CREATE INDEX idx_users_institution ON users (institution_id)",
    "CREATE INDEX idx_users_role ON users (role)",
    "CREATE INDEX idx_users_email_institution ON users (email, institution_id)",
    "CREATE INDEX idx_users_last_active ON users (last_active_at DESC)",
    "COMMENT ON TABLE users IS 'Users and their educational roles; deleting one deletes their progress and analytics'",
    "COMMENT ON COLUMN users.role IS 'Educational role; ta is a teaching assistant'",
    "COMMENT ON COLUMN users.profile IS 'JSON object: profile of the user'",
    "COMMENT ON COLUMN users.learning_preferences IS 'JSON object: how the user prefers to learn'",
    "COMMENT ON COLUMN users.accessibility_needs IS 'JSON object: what the user needs to have access'",
    "COMMENT ON COLUMN users.privacy_settings IS 'JSON object: privacy settings of the user'",
    # courses
    """\
CREATE TABLE courses (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    institution_id UUID,
    instructor_id UUID,
    title VARCHAR(500) NOT NULL,
    description TEXT NOT NULL,
    subject_area VARCHAR(100) NOT NULL,
    difficulty_level course_difficulty NOT NULL,
    estimated_hours INTEGER NOT NULL DEFAULT 0,
    learning_objectives JSONB NOT NULL DEFAULT '[]',
    prerequisites JSONB NOT NULL DEFAULT '[]',
    tags JSONB NOT NULL DEFAULT '[]',
    content_structure JSONB NOT NULL DEFAULT '{}',
    assessment_strategy JSONB NOT NULL DEFAULT '{}',
    grading_scheme JSONB NOT NULL DEFAULT '{}',
    academic_term VARCHAR(50),
    course_code VARCHAR(20),
    credit_hours NUMERIC(3, 1) DEFAULT 0,
    status course_status DEFAULT 'draft',
    visibility course_visibility DEFAULT 'institution',
    enrollment_policy JSONB NOT NULL DEFAULT '{}',
    generation_metadata JSONB DEFAULT '{}',
    content_quality_score NUMERIC(3, 2) DEFAULT 0,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT courses_pkey PRIMARY KEY (id),
    CONSTRAINT courses_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE CASCADE,
    CONSTRAINT courses_instructor_id_fkey FOREIGN KEY (instructor_id) REFERENCES users (id) ON DELETE SET NULL
)""",
    "CREATE INDEX idx_courses_institution ON courses (institution_id)",
    "CREATE INDEX idx_courses_instructor ON courses (instructor_id)",
    "CREATE INDEX idx_courses_subject_difficulty ON courses (subject_area, difficulty_level)",
    "CREATE INDEX idx_courses_status_visibility ON courses (status, visibility)",
    "CREATE INDEX idx_courses_academic_term ON courses (academic_term)",
    "CREATE INDEX idx_courses_created_desc ON courses (created_at DESC)",
    "CREATE INDEX idx_courses_search ON courses USING gin (to_tsvector('english', title || ' ' || description))",
    "COMMENT ON TABLE courses IS 'Courses with their educational metadata; deleting one deletes its lessons, enrollments, events, sessions and analytics'",
    "COMMENT ON COLUMN courses.instructor_id IS 'The user who teaches the course; NULL once that user is deleted'",
    "COMMENT ON COLUMN courses.estimated_hours IS 'Estimated effort in hours'",
    "COMMENT ON COLUMN courses.learning_objectives IS 'JSON array: learning objectives of the course'",
    "COMMENT ON COLUMN courses.prerequisites IS 'JSON array: what the course requires'",
    "COMMENT ON COLUMN courses.tags IS 'JSON array: tags'",
    "COMMENT ON COLUMN courses.content_structure IS 'JSON object: how the content is structured'",
    "COMMENT ON COLUMN courses.assessment_strategy IS 'JSON object: how learners are assessed'",
    "COMMENT ON COLUMN courses.grading_scheme IS 'JSON object: how grades are given'",
    "COMMENT ON COLUMN courses.status IS 'State of publication'",
    "COMMENT ON COLUMN courses.visibility IS 'Who has access: the public, the institution, or private'",
    "COMMENT ON COLUMN courses.enrollment_policy IS 'JSON object: the rules of enrollment'",
    "COMMENT ON COLUMN courses.generation_metadata IS 'JSON object: metadata of generation by AI'",
    "COMMENT ON COLUMN courses.content_quality_score IS 'Quality score of the content, part of the metadata of generation by AI'",
    # lessons
    """\
CREATE TABLE lessons (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    course_id UUID,
    title VARCHAR(500) NOT NULL,
    description TEXT,
    order_index INTEGER NOT NULL,
    learning_objectives JSONB NOT NULL DEFAULT '[]',
    prerequisite_concepts JSONB NOT NULL DEFAULT '[]',
    estimated_minutes INTEGER NOT NULL DEFAULT 0,
    content_type lesson_content_type DEFAULT 'mixed',
    difficulty_progression JSONB NOT NULL DEFAULT '{}',
    has_assessment BOOLEAN DEFAULT false,
    assessment_weight NUMERIC(3, 2) DEFAULT 0,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT lessons_pkey PRIMARY KEY (id),
    CONSTRAINT lessons_course_id_order_index_key UNIQUE (course_id, order_index),
    CONSTRAINT lessons_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE
)""",
    "CREATE INDEX idx_lessons_course ON lessons (course_id)",
    "CREATE INDEX idx_lessons_course_order ON lessons (course_id, order_index)",
    "CREATE INDEX idx_lessons_assessment ON lessons (has_assessment)",
    "COMMENT ON TABLE lessons IS 'Lessons of a course, in the order of order_index'",
    "COMMENT ON COLUMN lessons.order_index IS 'Position within the course; each is taken once'",
    "COMMENT ON COLUMN lessons.learning_objectives IS 'JSON array: learning objectives of the lesson'",
    "COMMENT ON COLUMN lessons.prerequisite_concepts IS 'JSON array: the concepts that the lesson requires'",
    "COMMENT ON COLUMN lessons.estimated_minutes IS 'Estimated effort in minutes'",
    "COMMENT ON COLUMN lessons.content_type IS 'How the content is delivered'",
    "COMMENT ON COLUMN lessons.difficulty_progression IS 'JSON object: how the difficulty progresses'",
    "COMMENT ON COLUMN lessons.assessment_weight IS 'Weight of the assessment of the lesson'",
    # sections
    """\
CREATE TABLE sections (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    lesson_id UUID,
    title VARCHAR(500) NOT NULL,
    content TEXT NOT NULL,
    section_type section_type NOT NULL,
    order_index INTEGER NOT NULL,
    interaction_type section_interaction NOT NULL,
    estimated_minutes INTEGER NOT NULL DEFAULT 5,
    multimedia_content JSONB DEFAULT '{}',
    interactive_elements JSONB DEFAULT '{}',
    accessibility_features JSONB DEFAULT '{}',
    ai_generated BOOLEAN DEFAULT false,
    content_quality_metrics JSONB DEFAULT '{}',
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT sections_pkey PRIMARY KEY (id),
    CONSTRAINT sections_lesson_id_order_index_key UNIQUE (lesson_id, order_index),
    CONSTRAINT sections_lesson_id_fkey FOREIGN KEY (lesson_id) REFERENCES lessons (id) ON DELETE CASCADE
)""",
    "CREATE INDEX idx_sections_lesson ON sections (lesson_id)",
    "CREATE INDEX idx_sections_lesson_order ON sections (lesson_id, order_index)",
    "CREATE INDEX idx_sections_type ON sections (section_type)",
    "CREATE INDEX idx_sections_interaction ON sections (interaction_type)",
    "COMMENT ON TABLE sections IS 'Sections of a lesson with their content, in the order of order_index'",
    "COMMENT ON COLUMN sections.order_index IS 'Position within the lesson; each is taken once'",
    "COMMENT ON COLUMN sections.interaction_type IS 'What the learner does in the section'",
    "COMMENT ON COLUMN sections.estimated_minutes IS 'Estimated effort in minutes'",
    "COMMENT ON COLUMN sections.multimedia_content IS 'JSON object: multimedia that enhance the content'",
    "COMMENT ON COLUMN sections.interactive_elements IS 'JSON object: interactive elements that enhance the content'",
    "COMMENT ON COLUMN sections.accessibility_features IS 'JSON object: features that make the content accessible'",
    "COMMENT ON COLUMN sections.ai_generated IS 'Whether AI generated the content'",
    "COMMENT ON COLUMN sections.content_quality_metrics IS 'JSON object: quality metrics of content that AI generated'",
)

DOWNGRADE = (
    "DROP TABLE sections",
    "DROP TABLE lessons",
    "DROP TABLE courses",
    "DROP TABLE users",
    "DROP TABLE institutions",
    "DROP TYPE section_interaction",
    "DROP TYPE section_type",
    "DROP TYPE lesson_content_type",
    "DROP TYPE course_visibility",
    "DROP TYPE course_status",
    "DROP TYPE course_difficulty",
    "DROP TYPE user_role",
    "DROP TYPE education_level",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
