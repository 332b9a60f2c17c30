-- A row or more in every table, events in several months.
INSERT INTO institutions (name, domain, education_level) VALUES ('A','a.example','k12');
INSERT INTO users (institution_id,email,username,role) SELECT i.id, g||'@a.example','u'||g,'student' FROM institutions i, generate_series(1,50) g;
INSERT INTO courses (institution_id,title,description,subject_area,difficulty_level) SELECT id,'c','d','s','beginner' FROM institutions;
INSERT INTO lessons (course_id,title,order_index) SELECT id,'l',1 FROM courses;
INSERT INTO sections (lesson_id,title,content,section_type,order_index,interaction_type) SELECT l.id,'s','c','content',g,'read' FROM lessons l, generate_series(1,5) g;
INSERT INTO enrollments (user_id,course_id,total_sections) SELECT u.id,c.id,5 FROM users u, courses c;
INSERT INTO learning_sessions (user_id,course_id) SELECT u.id,c.id FROM users u, courses c;
INSERT INTO section_progress (user_id,section_id,enrollment_id,learning_session_id) SELECT e.user_id,s.id,e.id,x.id FROM enrollments e JOIN learning_sessions x USING (user_id), sections s;
INSERT INTO lesson_progress (user_id,lesson_id,enrollment_id) SELECT e.user_id,l.id,e.id FROM enrollments e, lessons l;
INSERT INTO course_analytics (course_id,analysis_period,period_start,period_end) SELECT id,'daily','2026-11-01','2026-11-02' FROM courses;
INSERT INTO learner_analytics (user_id) SELECT id FROM users;
INSERT INTO learning_events (user_id,course_id,lesson_id,section_id,event_type,event_category,event_action,session_id,event_timestamp)
SELECT x.user_id,x.course_id,l.id,s.id,'v','navigation','a',x.id, now()+g*interval '9 days' FROM learning_sessions x, lessons l, sections s, generate_series(0,9) g;
