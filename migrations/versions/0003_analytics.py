"""Learning events, sessions and the analytics made of them.

Revision ID: 0003_analytics
Revises: 0002_progress
"""

from alembic import op

revision = "0003_analytics"
down_revision = "0002_progress"
branch_labels = None
depends_on = None

UPGRADE = (
    "CREATE TYPE event_category AS ENUM ('navigation', 'interaction', 'assessment', 'progress', 'social')",
    "CREATE TYPE session_outcome AS ENUM ('completed', 'abandoned', 'interrupted')",
    "CREATE TYPE analysis_period AS ENUM ('daily', 'weekly', 'monthly', 'semester')",
    # learning_events
    """\
CREATE TABLE learning_events (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    user_id UUID,
    course_id UUID,
    lesson_id UUID,
    section_id UUID,
    event_type VARCHAR(50) NOT NULL,
    event_category event_category NOT NULL,
    event_action VARCHAR(100) NOT NULL,
    learning_context JSONB NOT NULL DEFAULT '{}',
    event_data JSONB NOT NULL DEFAULT '{}',
    session_id UUID NOT NULL,
    device_info JSONB DEFAULT '{}',
    browser_info JSONB DEFAULT '{}',
    event_timestamp TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    server_timestamp TIMESTAMP WITH TIME ZONE DEFAULT now(),
    learning_value NUMERIC(3, 2) DEFAULT 0,
    engagement_score NUMERIC(3, 2) DEFAULT 0,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT learning_events_pkey PRIMARY KEY (id, event_timestamp),
    CONSTRAINT learning_events_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT learning_events_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT learning_events_lesson_id_fkey FOREIGN KEY (lesson_id) REFERENCES lessons (id) ON DELETE SET NULL,
    CONSTRAINT learning_events_section_id_fkey FOREIGN KEY (section_id) REFERENCES sections (id) ON DELETE SET NULL
)
PARTITION BY RANGE (event_timestamp)""",
    "CREATE INDEX idx_learning_events_user_time ON learning_events (user_id, event_timestamp DESC)",
    "CREATE INDEX idx_learning_events_course_time ON learning_events (course_id, event_timestamp DESC)",
    "CREATE INDEX idx_learning_events_type_time ON learning_events (event_type, event_timestamp DESC)",
    "CREATE INDEX idx_learning_events_category ON learning_events (event_category)",
    "CREATE INDEX idx_learning_events_session ON learning_events (session_id)",
    "CREATE INDEX idx_learning_events_user_course_time ON learning_events (user_id, course_id, event_timestamp DESC)",
    "CREATE INDEX idx_learning_events_course_type_time ON learning_events (course_id, event_type, event_timestamp DESC)",
    "COMMENT ON TABLE learning_events IS 'Learning interaction events for analytics, in partitions by month (UTC) of event_timestamp'",
    "COMMENT ON COLUMN learning_events.id IS 'Unique only together with event_timestamp: a key of a partitioned table contains the partition key'",
    "COMMENT ON COLUMN learning_events.lesson_id IS 'NULL if no lesson is concerned, or once it is deleted'",
    "COMMENT ON COLUMN learning_events.section_id IS 'NULL if no section is concerned, or once it is deleted'",
    "COMMENT ON COLUMN learning_events.learning_context IS 'JSON object: educational context of the event'",
    "COMMENT ON COLUMN learning_events.event_data IS 'JSON object: data of the event'",
    "COMMENT ON COLUMN learning_events.session_id IS 'Session in which the event happened'",
    "COMMENT ON COLUMN learning_events.device_info IS 'JSON object: the device'",
    "COMMENT ON COLUMN learning_events.browser_info IS 'JSON object: the browser'",
    "COMMENT ON COLUMN learning_events.event_timestamp IS 'When the event happened; the partition key'",
    "COMMENT ON COLUMN learning_events.learning_value IS 'Educational value score'",
    "COMMENT ON COLUMN learning_events.engagement_score IS 'Engagement measurement'",
    # learning_sessions
    """\
CREATE TABLE learning_sessions (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    user_id UUID,
    course_id UUID,
    session_start TIMESTAMP WITH TIME ZONE DEFAULT now(),
    session_end TIMESTAMP WITH TIME ZONE,
    total_duration INTEGER DEFAULT 0,
    active_duration INTEGER DEFAULT 0,
    lessons_accessed INTEGER DEFAULT 0,
    sections_completed INTEGER DEFAULT 0,
    interactions_count INTEGER DEFAULT 0,
    engagement_score NUMERIC(3, 2) DEFAULT 0,
    learning_velocity NUMERIC(5, 2) DEFAULT 0,
    retention_indicators JSONB DEFAULT '{}',
    device_type VARCHAR(50),
    browser_type VARCHAR(50),
    ip_address INET,
    user_agent TEXT,
    session_outcome session_outcome DEFAULT 'interrupted',
    exit_point JSONB DEFAULT '{}',
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT learning_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT learning_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT learning_sessions_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE
)""",
    "CREATE INDEX idx_learning_sessions_user ON learning_sessions (user_id)",
    "CREATE INDEX idx_learning_sessions_course ON learning_sessions (course_id)",
    "CREATE INDEX idx_learning_sessions_start ON learning_sessions (session_start DESC)",
    "CREATE INDEX idx_learning_sessions_duration ON learning_sessions (total_duration DESC)",
    "CREATE INDEX idx_learning_sessions_engagement ON learning_sessions (engagement_score DESC)",
    "CREATE INDEX idx_learning_sessions_outcome ON learning_sessions (session_outcome)",
    "COMMENT ON TABLE learning_sessions IS 'Learning sessions of users in courses, for analysis of the educational flow'",
    "COMMENT ON COLUMN learning_sessions.total_duration IS 'Duration in seconds'",
    "COMMENT ON COLUMN learning_sessions.active_duration IS 'Active learning time in seconds, a part of total_duration'",
    "COMMENT ON COLUMN learning_sessions.engagement_score IS 'Engagement measurement'",
    "COMMENT ON COLUMN learning_sessions.learning_velocity IS 'Sections per minute (learner_analytics.learning_velocity is an average rate)'",
    "COMMENT ON COLUMN learning_sessions.retention_indicators IS 'JSON object: indicators of retention'",
    "COMMENT ON COLUMN learning_sessions.session_outcome IS 'How the session ended'",
    "COMMENT ON COLUMN learning_sessions.exit_point IS 'JSON object: where the session ended'",
    # course_analytics
    """\
CREATE TABLE course_analytics (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    course_id UUID,
    analysis_period analysis_period NOT NULL,
    period_start DATE NOT NULL,
    period_end DATE NOT NULL,
    total_enrollments INTEGER DEFAULT 0,
    active_learners INTEGER DEFAULT 0,
    completed_learners INTEGER DEFAULT 0,
    dropped_learners INTEGER DEFAULT 0,
    average_time_spent NUMERIC(8, 2) DEFAULT 0,
    average_sessions_per_learner NUMERIC(5, 2) DEFAULT 0,
    average_completion_rate NUMERIC(5, 2) DEFAULT 0,
    average_mastery_score NUMERIC(3, 2) DEFAULT 0,
    concept_difficulty_scores JSONB DEFAULT '{}',
    learning_objective_achievement JSONB DEFAULT '{}',
    most_engaging_sections JSONB DEFAULT '[]',
    challenging_sections JSONB DEFAULT '[]',
    content_effectiveness_scores JSONB DEFAULT '{}',
    institution_percentile NUMERIC(3, 2) DEFAULT 0,
    subject_area_comparison JSONB DEFAULT '{}',
    calculated_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    CONSTRAINT course_analytics_pkey PRIMARY KEY (id),
    CONSTRAINT course_analytics_course_id_analysis_period_period_start_key UNIQUE (course_id, analysis_period, period_start),
    CONSTRAINT course_analytics_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE
)""",
    "CREATE INDEX idx_course_analytics_course ON course_analytics (course_id)",
    "CREATE INDEX idx_course_analytics_period ON course_analytics (analysis_period, period_start DESC)",
    "CREATE INDEX idx_course_analytics_completion_rate ON course_analytics (average_completion_rate DESC)",
    "CREATE INDEX idx_course_analytics_mastery ON course_analytics (average_mastery_score DESC)",
    "COMMENT ON TABLE course_analytics IS 'Performance metrics of courses, aggregated by period'",
    "COMMENT ON COLUMN course_analytics.analysis_period IS 'Kind of period over which the row aggregates'",
    "COMMENT ON COLUMN course_analytics.average_time_spent IS 'Average time spent, in minutes'",
    "COMMENT ON COLUMN course_analytics.concept_difficulty_scores IS 'JSON object: difficulty scores of the concepts'",
    "COMMENT ON COLUMN course_analytics.learning_objective_achievement IS 'JSON object: how far learning objectives are achieved'",
    "COMMENT ON COLUMN course_analytics.most_engaging_sections IS 'JSON array: the most engaging sections'",
    "COMMENT ON COLUMN course_analytics.challenging_sections IS 'JSON array: the challenging sections'",
    "COMMENT ON COLUMN course_analytics.content_effectiveness_scores IS 'JSON object: effectiveness scores of the content'",
    "COMMENT ON COLUMN course_analytics.institution_percentile IS 'Percentile of the course within the institution'",
    "COMMENT ON COLUMN course_analytics.subject_area_comparison IS 'JSON object: comparison with the subject area'",
    # learner_analytics
    """\
CREATE TABLE learner_analytics (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    user_id UUID,
    learning_style_profile JSONB NOT NULL DEFAULT '{}',
    strength_areas JSONB NOT NULL DEFAULT '[]',
    improvement_areas JSONB NOT NULL DEFAULT '[]',
    overall_mastery_score NUMERIC(3, 2) DEFAULT 0,
    learning_velocity NUMERIC(5, 2) DEFAULT 0,
    engagement_consistency NUMERIC(3, 2) DEFAULT 0,
    preferred_learning_times JSONB DEFAULT '{}',
    session_patterns JSONB DEFAULT '{}',
    interaction_preferences JSONB DEFAULT '{}',
    success_probability NUMERIC(3, 2) DEFAULT 0,
    at_risk_indicators JSONB DEFAULT '[]',
    recommended_interventions JSONB DEFAULT '[]',
    profile_updated_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
    last_activity_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT learner_analytics_pkey PRIMARY KEY (id),
    CONSTRAINT learner_analytics_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
)""",
    "CREATE INDEX idx_learner_analytics_user ON learner_analytics (user_id)",
    "CREATE INDEX idx_learner_analytics_mastery ON learner_analytics (overall_mastery_score DESC)",
    "CREATE INDEX idx_learner_analytics_velocity ON learner_analytics (learning_velocity DESC)",
    "CREATE INDEX idx_learner_analytics_risk ON learner_analytics (success_probability)",
    "CREATE INDEX idx_learner_analytics_updated ON learner_analytics (profile_updated_at DESC)",
    "COMMENT ON TABLE learner_analytics IS 'Learning analytics profiles of users'",
    "COMMENT ON COLUMN learner_analytics.learning_style_profile IS 'JSON object: the style of learning'",
    "COMMENT ON COLUMN learner_analytics.strength_areas IS 'JSON array: areas of strength'",
    "COMMENT ON COLUMN learner_analytics.improvement_areas IS 'JSON array: areas to improve in'",
    "COMMENT ON COLUMN learner_analytics.learning_velocity IS 'Average rate of progress (learning_sessions.learning_velocity counts sections per minute)'",
    "COMMENT ON COLUMN learner_analytics.preferred_learning_times IS 'JSON object: when the user prefers to learn'",
    "COMMENT ON COLUMN learner_analytics.session_patterns IS 'JSON object: patterns of the sessions'",
    "COMMENT ON COLUMN learner_analytics.interaction_preferences IS 'JSON object: how the user prefers to interact'",
    "COMMENT ON COLUMN learner_analytics.success_probability IS 'Predicted probability of success, 0 to 1'",
    "COMMENT ON COLUMN learner_analytics.at_risk_indicators IS 'JSON array: what indicates that the user is at risk'",
    "COMMENT ON COLUMN learner_analytics.recommended_interventions IS 'JSON array: interventions that are recommended'",
)

DOWNGRADE = (
    "DROP TABLE learner_analytics",
    "DROP TABLE course_analytics",
    "DROP TABLE learning_sessions",
    "DROP TABLE learning_events",
    "DROP TYPE analysis_period",
    "DROP TYPE session_outcome",
    "DROP TYPE event_category",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
