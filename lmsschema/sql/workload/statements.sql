-- What a learning management system asks its database, and what it writes.
-- One line before each: its name, its kind, who asks it and when. Times are bounds that the
-- application computes: with now() in their place every partition is planned.

-- login, read: Who signs in, by e-mail address; once a session.
SELECT id, institution_id, role, privacy_settings
FROM users
WHERE email = %(email)s;

-- my_courses, read: A learner's own courses, the one used last first; after each login.
SELECT e.course_id, c.title, e.progress_percentage, e.last_accessed_at
FROM enrollments AS e
INNER JOIN courses AS c ON e.course_id = c.id
WHERE e.user_id = %(user_id)s AND e.enrollment_status = 'active'
ORDER BY e.last_accessed_at DESC NULLS LAST;

-- course_page, read: The outline of a course with a learner's progress; each time it is opened.
SELECT l.id, l.title, s.id, s.title, s.section_type, p.completion_status
FROM lessons AS l
INNER JOIN sections AS s ON l.id = s.lesson_id
LEFT JOIN section_progress AS p ON s.id = p.section_id AND p.user_id = %(user_id)s
WHERE l.course_id = %(course_id)s
ORDER BY l.order_index, s.order_index;

-- resume, read: Where a learner left a course; each time it is opened.
SELECT section_id, last_accessed_at
FROM section_progress
WHERE enrollment_id = %(enrollment_id)s
ORDER BY last_accessed_at DESC
LIMIT 1;

-- section_page, read: A section with a learner's progress; each time it is opened.
SELECT s.id, s.title, s.content, s.section_type, p.completion_status, p.notes, p.bookmarks
FROM sections AS s
LEFT JOIN section_progress AS p ON s.id = p.section_id AND p.user_id = %(user_id)s
WHERE s.id = %(section_id)s;

-- progress_page, read: A learner's progress by lesson; some times a week.
SELECT l.title, p.completion_percentage, p.total_time_spent
FROM lesson_progress AS p
INNER JOIN lessons AS l ON p.lesson_id = l.id
WHERE p.enrollment_id = %(enrollment_id)s
ORDER BY l.order_index;

-- roster, read: Who takes a course, who was there last first; a teacher, each day.
SELECT u.id, u.username, e.enrollment_status, e.progress_percentage, e.last_accessed_at
FROM enrollments AS e
INNER JOIN users AS u ON e.user_id = u.id
WHERE e.course_id = %(course_id)s
ORDER BY e.last_accessed_at DESC NULLS LAST, u.id
LIMIT 50;

-- at_risk, read: Who has not been in a course since a time; a teacher, each week.
SELECT user_id, progress_percentage, last_accessed_at
FROM enrollments
WHERE
    course_id = %(course_id)s
    AND enrollment_status = 'active'
    AND (last_accessed_at IS NULL OR last_accessed_at < %(since)s)
ORDER BY progress_percentage
LIMIT 50;

-- section_funnel, read: How many reached and how many completed each section; a teacher, each week.
SELECT s.id, count(p.id) FILTER (WHERE p.completion_status = 'completed'), count(p.id)
FROM lessons AS l
INNER JOIN sections AS s ON l.id = s.lesson_id
LEFT JOIN section_progress AS p ON s.id = p.section_id
WHERE l.course_id = %(course_id)s
GROUP BY s.id;

-- teacher_week, read: A course's events of seven days by day and type; a teacher, each day.
SELECT date_trunc('day', event_timestamp) AS day, event_type, count(*), count(DISTINCT user_id)
FROM learning_events
WHERE
    course_id = %(course_id)s
    AND event_timestamp >= %(since)s
    AND event_timestamp < %(until)s
GROUP BY 1, 2;

-- course_submissions, read: The latest submissions in a course; a teacher who grades, each day.
SELECT user_id, event_timestamp, event_data
FROM learning_events
WHERE
    course_id = %(course_id)s
    AND event_category = 'assessment'
    AND event_type = 'problem_submitted'
    AND event_timestamp >= %(since)s
    AND event_timestamp < %(until)s
ORDER BY event_timestamp DESC
LIMIT 50;

-- learner_timeline, read: A learner's latest events; the learner or a tutor, each day.
SELECT id, event_type, section_id, event_timestamp
FROM learning_events
WHERE
    user_id = %(user_id)s
    AND event_timestamp >= %(since)s
    AND event_timestamp < %(until)s
ORDER BY event_timestamp DESC
LIMIT 50;

-- timeline_unbounded, read: The same by an application that passes no bounds; each day.
SELECT id, event_type, section_id, event_timestamp
FROM learning_events
WHERE user_id = %(user_id)s
ORDER BY event_timestamp DESC
LIMIT 50;

-- learner_in_course, read: What a learner did in a course, by type; a tutor, each week.
SELECT event_type, count(*), max(event_timestamp)
FROM learning_events
WHERE
    user_id = %(user_id)s
    AND course_id = %(course_id)s
    AND event_timestamp >= %(since)s
    AND event_timestamp < %(until)s
GROUP BY 1;

-- session_events, read: The events of a session in their order; support, now and then.
SELECT event_type, event_timestamp, section_id
FROM learning_events
WHERE
    session_id = %(session_id)s
    AND event_timestamp >= %(since)s
    AND event_timestamp < %(until)s
ORDER BY event_timestamp;

-- my_sessions, read: A learner's last sessions; the learner, each week.
SELECT id, session_start, total_duration
FROM learning_sessions
WHERE user_id = %(user_id)s
ORDER BY session_start DESC
LIMIT 20;

-- search, read: Published courses by words, the best first; everybody, each day.
SELECT c.id, c.title
FROM courses AS c
CROSS JOIN websearch_to_tsquery(search_configuration(%(language)s), %(words)s) AS q (words)
WHERE c.search @@ q.words AND c.status = 'published'
ORDER BY ts_rank(c.search, q.words) DESC, c.id
LIMIT 20;

-- catalogue, read: The published courses of a subject, the newest first; everybody, each day.
SELECT id, title
FROM courses
WHERE status = 'published' AND visibility = 'public' AND subject_area = %(subject_area)s
ORDER BY created_at DESC
LIMIT 20;

-- review_queue, read: The courses that wait for a review; an editor, each day.
SELECT id, title, instructor_id
FROM courses
WHERE status = 'under_review'
ORDER BY updated_at
LIMIT 50;

-- newest_courses, read: The newest courses of all; the start page, all day.
SELECT id, title, status
FROM courses
ORDER BY created_at DESC
LIMIT 20;

-- term_courses, read: The courses of an institution in a term; its office, each term.
SELECT id, course_code, title, status
FROM courses
WHERE institution_id = %(institution_id)s AND academic_term = %(academic_term)s
ORDER BY course_code;

-- teacher_courses, read: A teacher's courses with the number of enrollments; after each login.
SELECT
    c.id,
    c.title,
    c.status,
    (SELECT count(*) FROM enrollments AS e WHERE e.course_id = c.id) AS enrollments
FROM courses AS c
WHERE c.instructor_id = %(instructor_id)s
ORDER BY c.created_at DESC;

-- admin_overview, read: How many users an institution has, how many active; its office, each week.
SELECT count(*) FILTER (WHERE last_active_at >= %(since)s), count(*)
FROM users
WHERE institution_id = %(institution_id)s;

-- learners_at_risk, read: Who is least likely to succeed; a counsellor, each week.
SELECT user_id, success_probability, at_risk_indicators
FROM learner_analytics
ORDER BY success_probability
LIMIT 50;

-- period_report, read: The figures of all courses for a period; the office, each period.
SELECT course_id, active_learners, average_completion_rate
FROM course_analytics
WHERE analysis_period = %(analysis_period)s AND period_start = %(period_start)s;

-- daily_actives, read: Active users by day over 30 days, from sessions; a dashboard, each hour.
SELECT date_trunc('day', session_start) AS day, count(DISTINCT user_id)
FROM learning_sessions
WHERE session_start >= %(since)s AND session_start < %(until)s
GROUP BY 1;

-- daily_actives_from_events, read: The same from events; a report, now and then.
SELECT date_trunc('day', event_timestamp) AS day, count(DISTINCT user_id)
FROM learning_events
WHERE event_timestamp >= %(since)s AND event_timestamp < %(until)s
GROUP BY 1;

-- day_rollup, read: One day's events by course and user; a job, each night.
SELECT course_id, user_id, count(*), min(event_timestamp), max(event_timestamp)
FROM learning_events
WHERE event_timestamp >= %(since)s AND event_timestamp < %(until)s
GROUP BY 1, 2;

-- day_export, read: One day's events, whole; a job that copies them elsewhere, each night.
SELECT id, event_timestamp, user_id, course_id, event_type, learning_context, event_data
FROM learning_events
WHERE event_timestamp >= %(since)s AND event_timestamp < %(until)s;

-- heartbeat, write: A learner is still in a section; every 30 seconds of every learner.
UPDATE section_progress
SET
    time_spent = time_spent + 30,
    interaction_count = interaction_count + 1,
    last_accessed_at = now()
WHERE user_id = %(user_id)s AND section_id = %(section_id)s;

-- section_open, write: A learner opens a section, for the first time or again.
INSERT INTO section_progress (user_id, section_id, enrollment_id, completion_status)
SELECT user_id, %(section_id)s, id, 'in_progress'
FROM enrollments
WHERE user_id = %(user_id)s AND course_id = %(course_id)s
ON CONFLICT (user_id, section_id) DO UPDATE
SET last_accessed_at = now(), revisit_count = section_progress.revisit_count + 1;

-- session_open, write: A learner begins a session.
INSERT INTO learning_sessions (user_id, course_id, device_type)
VALUES (%(user_id)s, %(course_id)s, 'desktop');

-- session_close, write: A session ends.
UPDATE learning_sessions
SET
    session_end = now(),
    total_duration = extract(EPOCH FROM now() - session_start)::integer,
    interactions_count = interactions_count + 1,
    session_outcome = 'completed'
WHERE id = %(session_id)s;

-- enrollment_touch, write: A learner was in a course; at each page.
UPDATE enrollments
SET last_accessed_at = now(), total_time_spent = total_time_spent + 1
WHERE id = %(enrollment_id)s;

-- event_batch, write: Events of many learners as they come, 50 at a time; all day.
INSERT INTO learning_events (
    user_id, course_id, event_type, event_category, event_action, session_id, event_data
)
SELECT
    sent.user_id, sent.course_id, 'page_viewed', 'navigation', 'viewed', sent.session_id,
    '{"path": "/c/1"}'
FROM jsonb_to_recordset(%(sent)s) AS sent (user_id UUID, course_id UUID, session_id UUID);

-- delete_institution, delete: An institution leaves, with all that it owns.
DELETE FROM institutions
WHERE id = %(institution_id)s;

-- delete_user, delete: A user is erased, with progress, sessions and events.
DELETE FROM users
WHERE id = %(user_id)s;

-- delete_course, delete: A course is removed, with lessons, enrollments, sessions and events.
DELETE FROM courses
WHERE id = %(course_id)s;

-- delete_lesson, delete: A teacher removes a lesson.
DELETE FROM lessons
WHERE id = %(lesson_id)s;

-- delete_section, delete: A teacher removes a section.
DELETE FROM sections
WHERE id = %(section_id)s;

-- delete_enrollment, delete: An enrollment is undone, with the progress in it.
DELETE FROM enrollments
WHERE id = %(enrollment_id)s;

-- delete_session, delete: A session is removed; progress forgets it.
DELETE FROM learning_sessions
WHERE id = %(session_id)s;
