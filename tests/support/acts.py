"""The same 79 acts of learners in xAPI, Caliper and the tracking logs of Open edX.

Each act is a line: what is done, to what, and how the three formats name it. Nothing else differs.
"""

import json
from dataclasses import dataclass
from typing import Any

COURSE = "course-v1:North+Algebra+2026"
LMS = "https://lms.north.example"
ADL = "http://adlnet.gov/expapi/"
TYPES = {
    "course": (ADL + "activities/course", "CourseOffering", None),
    "video": ("https://w3id.org/xapi/video/activity-type/video", "VideoObject", "video"),
    "problem": (ADL + "activities/cmi.interaction", "AssessmentItem", "problem"),
    "exam": (ADL + "activities/assessment", "Assessment", "special_exam"),
    "page": ("http://id.tincanapi.com/activitytype/webpage", "WebPage", "html"),
    "link": (ADL + "activities/link", "Link", "html"),
    "unit": (ADL + "activities/module", "DigitalResource", "sequential"),
    "thread": ("http://id.tincanapi.com/activitytype/discussion", "Thread", "discussion"),
    "forum": ("http://id.tincanapi.com/activitytype/forum-topic", "Forum", "discussion"),
    "message": ("http://id.tincanapi.com/activitytype/forum-reply", "Message", "discussion"),
    "book": (ADL + "activities/media/book", "Document", "textbook"),
    "survey": ("http://id.tincanapi.com/activitytype/survey", "Survey", "survey"),
    "open": (ADL + "activities/assessment#essay", "AssignableDigitalResource", "openassessment"),
}

#: Name of the act | kind of the object | xAPI's verb | Caliper's type and action | edX's name.
ACTS = """
enroll|course|registered|Event/Activated|edx.course.enrollment.activated
unenroll|course|unregistered|Event/Deactivated|edx.course.enrollment.deactivated
change mode|course|registered|Event/Modified|edx.course.enrollment.mode_changed
pass course|course|passed|Event/Completed|edx.course.grade.passed.first_time
fail course|course|failed|Event/Completed|edx.course.grade.now_failed
complete course|course|completed|Event/Completed|edx.course.completion.changed
earn certificate|course|earned|Event/Completed|edx.certificate.created
lose certificate|course|unregistered|Event/Deactivated|edx.certificate.revoked
be graded in course|course|progressed|Event/Modified|edx.grades.subsection.grade_calculated
open course home|page|viewed|NavigationEvent/NavigatedTo|edx.course.home.viewed
open dashboard|page|viewed|NavigationEvent/NavigatedTo|/dashboard
open progress page|page|viewed|NavigationEvent/NavigatedTo|/courses/course-v1:North/progress
open syllabus|page|viewed|ViewEvent/Viewed|/courses/course-v1:North/info
open tool|page|launched|ToolLaunchEvent/Launched|edx.course.tool.accessed
use tool|page|accessed|ToolUseEvent/Used|edx.course.tool.accessed
next unit|unit|navigated|NavigationEvent/NavigatedTo|seq_next
previous unit|unit|navigated|NavigationEvent/NavigatedTo|seq_prev
jump to unit|unit|navigated|NavigationEvent/NavigatedTo|seq_goto
next by arrow|unit|navigated|NavigationEvent/NavigatedTo|edx.ui.lms.sequence.next_selected
previous by arrow|unit|navigated|NavigationEvent/NavigatedTo|edx.ui.lms.sequence.previous_selected
tab of unit|unit|navigated|NavigationEvent/NavigatedTo|edx.ui.lms.sequence.tab_selected
outline|unit|navigated|NavigationEvent/NavigatedTo|edx.ui.lms.outline.selected
follow link|link|navigated-to|NavigationEvent/NavigatedTo|edx.ui.lms.link_clicked
close page|page|exited|NavigationEvent/NavigatedTo|page_close
jump to last place|page|accessed|NavigationEvent/NavigatedTo|edx.ui.lms.jump_nav.goto
load video|video|initialized|MediaEvent/Started|load_video
load video, new player|video|initialized|MediaEvent/Started|edx.video.loaded
play|video|played|MediaEvent/Started|play_video
play, new player|video|played|MediaEvent/Resumed|edx.video.played
pause|video|paused|MediaEvent/Paused|pause_video
pause, new player|video|paused|MediaEvent/Paused|edx.video.paused
stop|video|terminated|MediaEvent/Ended|stop_video
stop, new player|video|terminated|MediaEvent/Ended|edx.video.stopped
watch to the end|video|completed|MediaEvent/Ended|complete_video
seek|video|seeked|MediaEvent/JumpedTo|seek_video
seek, new player|video|seeked|MediaEvent/JumpedTo|edx.video.position.changed
change speed|video|interacted|MediaEvent/ChangedSpeed|speed_change_video
show subtitles|video|interacted|MediaEvent/EnabledClosedCaptioning|edx.video.closed_captions.shown
hide subtitles|video|interacted|MediaEvent/DisabledClosedCaptioning|edx.video.closed_captions.hidden
show transcript|video|interacted|MediaEvent/EnabledClosedCaptioning|show_transcript
hide transcript|video|interacted|MediaEvent/DisabledClosedCaptioning|hide_transcript
change language|video|interacted|MediaEvent/ChangedVolume|edx.video.transcript.language.changed
skip|video|skipped|MediaEvent/ForwardedTo|edx.video.skipped
answer|problem|answered|AssessmentItemEvent/Completed|problem_check
answer is graded|problem|evaluated|GradeEvent/Graded|edx.grades.problem.submitted
answer in browser|problem|attempted|AssessmentItemEvent/Started|problem_check_fail
save answer|problem|interacted|AssessmentItemEvent/Completed|problem_save
reset answer|problem|interacted|AssessmentItemEvent/Skipped|problem_reset
show answer|problem|asked|AssessmentItemEvent/Viewed|showanswer
show correctness|problem|asked|AssessmentItemEvent/Viewed|problem_show
ask for a hint|problem|interacted|AssessmentItemEvent/Hinted|edx.problem.hint.demandhint_displayed
get feedback|problem|interacted|AssessmentItemEvent/Viewed|edx.problem.hint.feedback_displayed
be rescored|problem|scored|GradeEvent/Graded|problem_rescore
complete problem|problem|completed|AssessmentItemEvent/Completed|edx.problem.completed
drag and drop|problem|interacted|AssessmentItemEvent/Started|edx.drag_and_drop_v2.item.dropped
answer a poll|survey|answered|SurveyEvent/OptedIn|xblock.poll.submitted
fill in a survey|survey|answered|SurveyEvent/OptedIn|xblock.survey.submitted
begin exam|exam|initialized|AssessmentEvent/Started|edx.special_exam.timed.attempt.started
hand in exam|exam|terminated|AssessmentEvent/Submitted|edx.special_exam.timed.attempt.submitted
create exam attempt|course|attempted|AssessmentEvent/Started|edx.special_exam.timed.attempt.created
exam time is over|course|abandoned|AssessmentEvent/Paused|edx.special_exam.timed.attempt.timed_out
write essay|open|submitted|AssignableEvent/Submitted|openassessmentblock.create_submission
assess a peer|open|evaluated|AssignableEvent/Completed|openassessmentblock.peer_assess
assess oneself|open|evaluated|AssignableEvent/Completed|openassessmentblock.self_assess
post|thread|posted|ThreadEvent/Created|edx.forum.thread.created
edit post|thread|edited|ThreadEvent/Modified|edx.forum.thread.edited
delete post|thread|deleted|ThreadEvent/MarkedAsRead|edx.forum.thread.deleted
read post|thread|viewed|ThreadEvent/MarkedAsRead|edx.forum.thread.viewed
vote|thread|liked|MessageEvent/Liked|edx.forum.thread.voted
report post|thread|flagged|MessageEvent/Flagged|edx.forum.thread.reported
reply|message|replied|MessageEvent/Posted|edx.forum.response.created
comment|message|commented|MessageEvent/Posted|edx.forum.comment.created
follow forum|forum|followed|ForumEvent/Subscribed|edx.forum.thread.followed
search forum|forum|searched|SearchEvent/Searched|edx.forum.searched
bookmark|page|bookmarked|AnnotationEvent/Bookmarked|edx.bookmark.added
drop bookmark|page|unbookmarked|AnnotationEvent/Bookmarked|edx.bookmark.removed
take note|page|annotated|AnnotationEvent/Highlighted|edx.course.student_notes.added
turn page|book|read|NavigationEvent/NavigatedTo|textbook.pdf.page.scrolled
search book|book|searched|SearchEvent/Searched|textbook.pdf.search.executed
"""


@dataclass(frozen=True)
class Act:
    """One act."""

    name: str
    kind: str
    verb: str
    caliper: str
    edx: str


def acts() -> list[Act]:
    return [Act(*line.split("|")) for line in ACTS.strip().splitlines()]


def written(act: Act, number: int) -> dict[str, bytes]:
    """Return an act's line in each format."""
    xapi_type, caliper_type, block = TYPES[act.kind]
    key = f"block-v1:North+Algebra+2026+type@{block}+block@{number:032x}"
    iri = f"{LMS}/course/{COURSE}" if block is None else f"{LMS}/xblock/{key}"
    time = f"2026-09-{number % 28 + 1:02}T08:{number % 60:02}:00+00:00"
    course = {"id": f"{LMS}/course/{COURSE}", "type": "CourseOffering"}
    is_social = act.caliper.startswith(("Thread", "Message", "Forum"))
    prefix = "https://w3id.org/xapi/dod-isd/verbs/" if is_social else ADL + "verbs/"
    xapi: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{number:012x}",
        "actor": {"account": {"homePage": LMS, "name": "7"}},
        "verb": {"id": prefix + act.verb},
        "object": {"id": iri, "definition": {"type": xapi_type, "name": {"en": act.name}}},
        "timestamp": time,
        "context": {
            "contextActivities": {
                "parent": [
                    {"id": course["id"], "definition": {"type": ADL + "activities/course"}},
                ]
            }
        },
    }
    event_type, action = act.caliper.split("/")
    caliper: dict[str, Any] = {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "id": f"urn:uuid:10000000-0000-4000-8000-{number:012x}",
        "type": event_type,
        "action": action,
        "actor": {"id": f"{LMS}/users/7", "type": "Person"},
        "object": {"id": iri, "type": caliper_type, "name": act.name},
        "eventTime": time,
    }
    if block is not None:  # in one of three ways
        way = number % 3
        if way == 0:
            caliper["group"] = course
        elif way == 1:
            caliper["object"]["isPartOf"] = course
        else:
            caliper["object"]["extensions"] = {"isPartOf": course}
    edx: dict[str, Any] = {
        "name": act.edx,
        "event_type": act.edx,
        "event_source": "browser" if number % 2 else "server",
        "time": time,
        "session": f"{number:032x}",
        "ip": "192.0.2.7",
        "agent": "Mozilla/5.0",
        "context": {"user_id": 7, "course_id": COURSE, "org_id": "North"},
        "event": {"usage_key": key} if block else {"course_id": COURSE},
    }
    if number % 2:
        edx["event"] = json.dumps(edx["event"])
    return {
        name: json.dumps(line).encode()
        for name, line in (("xapi", xapi), ("caliper", caliper), ("edx", edx))
    }
