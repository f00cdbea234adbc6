"""Who can do what: one row for each command, button, select and form that any test renders."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from bot.app import CoachBot
from cogs.series.panels import pack
from cogs.ui import FIX, PICK
from cogs.ui.routing import BESIDE, Handler
from scheduler.series.changes.new_hour import NewHour

PEOPLE = ("student", "other_student", "coach", "other_coach", "admin", "owner", "outsider", "left")
"""By their part in the control's session. `outsider` manages another server and presses there; `left` was an admin
here and presses in direct messages.
"""

ADMIN = "Only admins can do this."
COACH = "There's no such coach here"
NOT_YET = "You don't coach here yet."
MINE = "You have no such session."
COACHED = "You don't coach that session."
SERVER = "This only works in a server."
PENDING = "Your application hasn't been approved yet."
YOURSELF = "You can't book yourself."


def _refusals(allowed: str, sentence: str, **others: str) -> dict[str, str]:
    """Map people to their refusal, which is empty for those who are allowed."""
    return {who: "" if who in allowed.split() else others.get(who, sentence) for who in PEOPLE}


ANYBODY = _refusals(" ".join(PEOPLE), "")
"""About only the person pressing, or a form that shows nothing and is refused when it's sent."""
MEMBERS = _refusals("student other_student coach other_coach admin owner outsider", SERVER)
"""Anyone in a server, about that server."""
READERS = MEMBERS | {"outsider": COACH}
"""Anyone in this server."""
APPLICANTS = MEMBERS | dict.fromkeys(("coach", "other_coach"), "You already coach here")
BOOKERS = READERS | {"coach": YOURSELF, "left": "You can only book this coach in their server."}
ADMINS = _refusals("admin owner outsider", ADMIN, left=SERVER)
"""Admins of the server they press in, so the outsider can do it at home."""
ADMINS_HERE = _refusals("admin owner", ADMIN, left=SERVER)
"""Admins, about something in this server."""
COACHES = _refusals("coach other_coach", NOT_YET, other_student=PENDING, left=SERVER)
"""Coaches, each about their own."""
EDITORS = _refusals("other_student coach other_coach", NOT_YET, left=SERVER)
"""Coaches and applicants."""
PAIR = _refusals("student coach", MINE)
PAIR_AND_ADMINS = _refusals("student coach admin owner", MINE)
REVIEWER = _refusals("student", MINE, coach="Only students can review a session.")
ITS_COACH = _refusals("coach", COACHED)


@dataclass(frozen=True)
class Row:
    """One thing to do: how, who's allowed to, and what everyone else reads."""

    who: dict[str, str]
    of: str = "upcoming"
    """Its session, by the stage's name."""
    then: str = ""
    """What even those who are allowed to read, because there's nothing to do it to."""
    again: str = ""
    """What those who are allowed read when they press it once more."""
    person: str = "other_student"
    """Whose `user_id` it's about. The default has a pending application."""
    picked: tuple[str, ...] = ()
    typed: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def someone_allowed(self) -> str:
        """Return the first person who's allowed to."""
        return next(who for who, refusal in self.who.items() if not refusal)


def _here(sentence: str) -> dict[str, str]:
    return ADMINS_HERE | {"outsider": sentence}


_NO_APPLICATION = "They haven't applied."
_NO_SESSION = "There's no such session on this server."
_NO_SPECIALTY = "This specialty is no longer on the list."
_NO_REVIEW = "There's no such review on this server."
_NOT_BLOCKED = "<@{user_id}> isn't blocked here."
_NONE_UPCOMING = "None of these sessions is upcoming any more."
_NO_APPEAL = "You don't have that no-show."
_NO_SUCH_APPEAL = "There's no such appeal in this server."
_NO_PACKAGE = "This package isn't offered any more."
_NO_ORDER = "There's no such order in this server."
_NO_LOT = "There's no such credit in this server."
_NOT_HERE = "<@{user_id}> isn't in this server"
_CREDIT_HERE = _refusals("student other_student coach other_coach admin owner", "You have no credit to see there.")
_BUYERS = MEMBERS | {"outsider": _NO_PACKAGE}
_CHARGED = _refusals("coach admin owner", MINE, student="You have no such charge to waive.")
_DISPUTER = _refusals("student", MINE, coach="You have no such charge.")

_SPENDERS = BOOKERS | dict.fromkeys(
    ("other_student", "other_coach", "admin", "owner"), "You have 0 minutes of credit for this"
)

_WAITERS = READERS | {"left": BOOKERS["left"]}
_OFFERED = _refusals("student", "You have no such offer.")
_WISHER = _refusals("student", "You have no such wish.")

_ASKER = _refusals("admin", "You have no such request.")
_ANSWERER = _refusals("coach", "You have no such request.")
_PLAN = {"terms": 2}
"""Every week without an end, paid as the server's instructions say."""
RUNNING_SERIES = 2
"""The weekly lessons that go on."""
_SECOND = {"series_id": RUNNING_SERIES, "occurrence": 1}
_AT_FOUR = _SECOND | {"hour": pack(NewHour(date(2026, 3, 11), 16 * 60, "", 1), own_zone=False), "rules": 0}
"""A Wednesday on which there's a lesson half an hour earlier."""
_NO_SERIES = "You have no such weekly lessons."
_LEARNERS = _refusals("student coach admin owner", _NO_SERIES)

_NO_WORKSHOP = "There's no such workshop here."
_HAS_LEFT = "You've left that server"
_NO_SEAT = "You have no seat in this workshop."
_VISITORS = _refusals("student other_student coach other_coach admin owner", _NO_WORKSHOP, left=_HAS_LEFT)
_SEATED = _VISITORS | {"coach": "This is your own workshop"}
_BY_CREDIT = _SEATED | dict.fromkeys(
    ("other_student", "other_coach", "admin", "owner"), "You have 0 minutes of credit for this"
)
_LEAVER = _refusals("student", _NO_SEAT, outsider=_NO_WORKSHOP, left=_HAS_LEFT)
_RUNNERS = _refusals(
    "coach admin owner",
    "Only the coach of a workshop and admins can change it.",
    outsider=_NO_WORKSHOP,
    left=SERVER,
)
_ANNOUNCERS = _refusals(
    "coach admin owner", "You can only announce workshops of your own.", outsider=COACH, left=SERVER
)
_ATTENDANCE = _refusals("coach", MINE, student="Only the coach of a session sees who came.")

_NO_ABSENCE = "You have no such absence."
_AWAY = COACHES | {"other_coach": _NO_ABSENCE}
_DECIDES = _refusals("coach", _NO_ABSENCE, left=SERVER)
_ASKED = _refusals("student other_coach", "Nobody asks you that.")
_OF_ABSENCE = "{absence_id}:{session_id}"

PRESSES: dict[str, Row] = {
    # Coaches and their applications.
    "coach:approve:{user_id}": Row(_here(_NO_APPLICATION)),
    "coach:reject:{user_id}": Row(ADMINS),
    "coach:queue:{position}": Row(ADMINS),
    "coach:suspend:{user_id}": Row(_here(COACH), person="other_coach"),
    "coach:reinstate:{user_id}": Row(_here(COACH), person="suspended"),
    "coach:edit": Row(EDITORS),
    # A coach's own hours.
    "availability:show:{week}:{days}": Row(COACHES),
    "availability:days:{week}": Row(COACHES, picked=("1",)),
    "availability:preset:{number}:{start}:{end}:{week}:{days}": Row(COACHES, numbers={"start": 480, "end": 720}),
    "availability:edit:{week}:{days}": Row(COACHES),
    "availability:copy:{week}:{days}": Row(ANYBODY),
    "availability:clear:{week}:{days}": Row(COACHES),
    "availability:accept:{accepting}:{week}:{days}": Row(COACHES),
    "availability:undo:{number}:{week}:{days}": Row(COACHES, then="You can only undo your last change"),
    "availability:off:{week}:{days}": Row(ANYBODY),
    "availability:extra:{week}:{days}": Row(ANYBODY),
    "availability:dates:{page}:{week}:{days}": Row(COACHES, then="You have no days off"),
    "availability:cleardates:{first}:{last}:{week}:{days}": Row(COACHES),
    "availability:rules:{week}:{days}": Row(COACHES),
    "availability:rules:sessions:{week}:{days}": Row(COACHES),
    "availability:rules:limits:{week}:{days}": Row(COACHES),
    "availability:zone:{week}:{days}": Row(ANYBODY),
    "availability:rezone:{same_instants}:{week}:{days}": Row(COACHES),
    "availability:why:{week}:{days}": Row(ANYBODY),
    "availability:misfits:{page}:{week}:{days}": Row(COACHES),
    "availability:keep:{session_id}:{week}:{days}": Row(_refusals("coach", MINE, student=COACHED)),
    "availability:cancel:{session_id}:{week}:{days}": Row(COACHES | {"other_coach": MINE}, of="later"),
    # The public panel.
    "panel:book": Row(MEMBERS),
    "panel:sessions": Row(ANYBODY),
    "panel:apply": Row(APPLICANTS),
    "panel:post": Row(ADMINS),
    "panel:post:in": Row(ADMINS, picked=("{channel}",)),
    # The admin menu.
    "admin:open": Row(ADMINS),
    "admin:person": Row(ADMINS, picked=("7",)),
    "stats:show": Row(ADMINS),
    "story:find": Row(ADMINS),
    "records:export": Row(ADMINS),
    "records:export:{table}": Row(ADMINS, numbers={"table": 0}),
    "records:filter:{user_id}": Row(ADMINS, picked=("0",)),
    # Booking.
    "book:browse:{sort}:{specialty}:{page}": Row(MEMBERS),
    "book:specialty:{sort}": Row(MEMBERS, picked=("0",)),
    "book:sort:{specialty}": Row(MEMBERS, picked=("0",)),
    "book:coach:{coach_id}:{minutes}:{day}:{page}": Row(BOOKERS),
    "book:again:{coach_id}:{minutes}:{session_id}": Row(BOOKERS, of="over"),
    "book:length:{coach_id}:{day}": Row(BOOKERS, picked=("60",)),
    "book:day:{coach_id}:{minutes}:{page}": Row(BOOKERS, picked=("{tomorrow}",)),
    "book:days:{coach_id}:{minutes}:{day}:{page}": Row(BOOKERS),
    "book:zone:{coach_id}:{minutes}:{day}": Row(ANYBODY),
    "book:time:{coach_id}:{minutes}:{start}": Row(BOOKERS),
    "book:notes:{coach_id}:{minutes}:{start}": Row(ANYBODY),
    "book:way:{coach_id}:{minutes}:{start}:{way}": Row(BOOKERS, numbers={"way": 2}),
    "book:credit:{coach_id}:{minutes}:{start}": Row(_SPENDERS),
    "book:confirm:{coach_id}:{minutes}:{start}:{cost}": Row(BOOKERS),
    "book:confirm:{coach_id}:{minutes}:{start}:{cost}:{currency}": Row(BOOKERS),
    # Weekly lessons.
    "series:repeat:{coach_id}:{minutes}:{start}:{way}": Row(BOOKERS, picked=("1",), numbers={"way": 2}),
    "series:plan:{coach_id}:{minutes}:{start}:{terms}": Row(BOOKERS, numbers=_PLAN),
    "series:weeks:{coach_id}:{minutes}:{start}:{terms}": Row(BOOKERS, picked=("2",), numbers=_PLAN),
    "series:end:{coach_id}:{minutes}:{start}:{terms}": Row(BOOKERS, picked=("8",), numbers=_PLAN),
    "series:until:{coach_id}:{minutes}:{start}:{terms}": Row(ANYBODY, numbers=_PLAN),
    "series:notes:{coach_id}:{minutes}:{start}:{terms}": Row(ANYBODY, numbers=_PLAN),
    "series:ask:{coach_id}:{minutes}:{start}:{terms}:{cost}:{currency}": Row(BOOKERS, numbers=_PLAN),
    "series:requests": Row(ANYBODY),
    "series:accept:{series_id}": Row(_ANSWERER),
    "series:decline:{series_id}": Row(_ANSWERER),
    "series:withdraw:{series_id}": Row(_ASKER),
    # The waiting list.
    "wait:new:{coach_id}:{minutes}": Row(_WAITERS),
    "wait:seat:{session_id}": Row(
        _SEATED | {"student": "You have a seat in this workshop already."}, of="workshop", then="You needn't wait"
    ),
    "wait:list": Row(ANYBODY),
    "wait:take:{offer_id}": Row(_OFFERED),
    "wait:take:{offer_id}:{way}": Row(_OFFERED, numbers={"way": 1}),
    "wait:pass:{offer_id}": Row(_OFFERED),
    "wait:move:{offer_id}": Row(_OFFERED),
    "wait:stop:{wish_id}": Row(_WISHER),
    "wait:end:{wish_id}": Row(_WISHER),
    # Running weekly lessons.
    "series:list": Row(ANYBODY),
    "series:zones": Row(ANYBODY),
    "series:show:{series_id}:{page}": Row(_LEARNERS, numbers=_SECOND),
    "series:lesson:{series_id}:{occurrence}": Row(_LEARNERS, numbers=_SECOND),
    "series:skip:{series_id}:{occurrence}": Row(_LEARNERS, numbers=_SECOND),
    "series:back:{series_id}:{occurrence}": Row(
        _LEARNERS, numbers=_SECOND, then="This lesson takes place anyway."
    ),
    "series:hour:{series_id}:{occurrence}": Row(_LEARNERS, numbers=_SECOND),
    "series:change:{series_id}:{occurrence}:{hour}:{rules}": Row(_LEARNERS, numbers=_AT_FOUR),
    "series:pause:{series_id}:{occurrence}": Row(_LEARNERS, numbers=_SECOND),
    "series:end:{series_id}": Row(_LEARNERS, numbers=_SECOND),
    "series:goon:{series_id}": Row(
        _refusals("coach", _NO_SERIES, student="You don't coach these lessons."), numbers=_SECOND
    ),
    "series:rezone:{series_id}": Row(_LEARNERS, numbers=_SECOND, then="These lessons are at that time already."),
    # Workshops.
    "workshop:list:{page}": Row(MEMBERS),
    "workshop:show:{session_id}": Row(_VISITORS, of="workshop"),
    "workshop:details:{session_id}": Row(_VISITORS, of="workshop"),
    "workshop:take:{session_id}": Row(_SEATED, of="workshop"),
    "workshop:seat:{session_id}:{cost}:{currency}": Row(_SEATED, of="workshop"),
    "workshop:credit:{session_id}:{cost}:{currency}": Row(_BY_CREDIT, of="workshop"),
    "workshop:leave:{session_id}": Row(_LEAVER, of="workshop"),
    "workshop:leave:{session_id}:yes": Row(_refusals("student", _NO_SEAT), of="workshop"),
    "workshop:leave:{session_id}:credit:{minutes}": Row(_refusals("student", _NO_SEAT), of="workshop"),
    "workshop:edit:{session_id}": Row(_RUNNERS, of="workshop"),
    "workshop:cancel:{session_id}": Row(_RUNNERS, of="workshop"),
    "workshop:new:{coach_id}": Row(_ANNOUNCERS),
    "workshop:draft:{coach_id}:{start}:{shape}:{cost}:{currency}": Row(_ANNOUNCERS),
    "workshop:rules:{coach_id}:{start}:{shape}:{cost}:{currency}": Row(_ANNOUNCERS),
    "workshop:preview:{coach_id}:{start}:{shape}:{cost}:{currency}": Row(_ANNOUNCERS),
    "workshop:announce:{coach_id}:{start}:{shape}:{cost}:{currency}": Row(
        _ANNOUNCERS, then="**Title:** Give it a title"
    ),
    "workshop:discard": Row(ANYBODY),
    # Credit.
    "credits:show:{guild_id}:{page}": Row(_CREDIT_HERE),
    "credits:movements:{guild_id}:{page}": Row(_CREDIT_HERE),
    "credits:packages:{page}": Row(MEMBERS),
    "credits:buy:{package_id}": Row(_BUYERS),
    "credits:order:{package_id}": Row(_BUYERS | {"other_student": "You asked for this"}),
    "credits:admin": Row(ADMINS),
    "credits:orders:{page}": Row(ADMINS),
    "credits:order:{order_id}:give": Row(_here(_NO_ORDER)),
    "credits:order:{order_id}:decline": Row(_here(_NO_ORDER)),
    "credits:dispute:{session_id}:decide:{granted}": Row(
        _here("There's no such dispute in this server."), of="missed"
    ),
    "credits:dispute:{session_id}:{user_id}:decide:{granted}": Row(
        _here("There's no such dispute in this server."), of="missed", person="student"
    ),
    "credits:package:pick": Row(_here(_NO_PACKAGE), picked=("1",)),
    "credits:package:add": Row(ADMINS),
    "credits:package:{package_id}": Row(_here(_NO_PACKAGE)),
    "credits:package:{package_id}:change": Row(_here(_NO_PACKAGE)),
    "credits:package:{package_id}:remove": Row(_here(_NO_PACKAGE)),
    "credits:package:{package_id}:coaches": Row(_here(_NO_PACKAGE), picked=("{coach}",)),
    "credits:package:{package_id}:specialties": Row(_here(_NO_PACKAGE), picked=("1",)),
    "credits:role:pick": Row(ADMINS, picked=("7",)),
    "credits:role:{role_id}:minutes": Row(ADMINS),
    "credits:role:{role_id}:remove": Row(ADMINS),
    "credits:person:pick": Row(ADMINS, picked=("7",)),
    "credits:person:{user_id}:{page}": Row(ADMINS),
    "credits:person:{user_id}:give": Row(ADMINS),
    "credits:person:{user_id}:package": Row(_here(_NOT_HERE), picked=("1",)),
    "credits:person:{user_id}:history:{page}": Row(ADMINS),
    "credits:lot:{lot_id}:take:{agreed}": Row(_here(_NO_LOT), numbers={"agreed": 1}),
    # Sessions.
    "session:list:{page}": Row(ANYBODY),
    "session:list:{page}:reminders:off": Row(ANYBODY),
    "session:list:{page}:reminders:on": Row(ANYBODY),
    "session:calendar:{session_id}": Row(PAIR_AND_ADMINS),
    "session:cancel:{session_id}": Row(PAIR_AND_ADMINS),
    "session:move:{session_id}": Row(PAIR),
    "move:show:{session_id}:{day}:{page}": Row(PAIR),
    "move:day:{session_id}:{page}": Row(PAIR, picked=("{tomorrow}",)),
    "move:days:{session_id}:{day}:{page}": Row(PAIR),
    "move:time:{session_id}:{start}": Row(PAIR),
    "move:confirm:{session_id}:{start}": Row(PAIR),
    "move:anyway:{session_id}:{start}:{rules}": Row(PAIR, numbers={"rules": 0}),
    "move:other:{session_id}": Row(_refusals("coach", MINE, student=COACHED)),
    "session:late:{session_id}": Row(PAIR, of="soon"),
    "session:late:{session_id}:{minutes}": Row(PAIR, of="soon", numbers={"minutes": 10}),
    "room:end:{session_id}": Row(PAIR_AND_ADMINS, of="running"),
    "room:end:{session_id}:yes": Row(PAIR_AND_ADMINS, of="running"),
    "room:end:{session_id}:no": Row(PAIR_AND_ADMINS, of="running"),
    "room:longer:{session_id}": Row(PAIR, of="running", then="15 more minutes are at no extra cost here."),
    "room:longer:{session_id}:{until}:{cost}": Row(PAIR, of="running", numbers={"cost": 0}),
    "room:longer:{session_id}:{until}:{cost}:agree": Row(
        _refusals("coach", MINE, student="You asked for this"), of="asked", numbers={"cost": 0}
    ),
    "room:longer:{session_id}:{until}:{cost}:decline": Row(PAIR, of="asked", numbers={"cost": 0}),
    "session:noshow:{session_id}": Row(ITS_COACH, of="over"),
    "session:washere:{session_id}": Row(ITS_COACH, of="missed"),
    "session:attendance:{session_id}:{page}": Row(_ATTENDANCE, of="over"),
    "session:noshow:{session_id}:{user_id}:{page}": Row(ITS_COACH, of="over", person="student"),
    "session:washere:{session_id}:{user_id}:{page}": Row(ITS_COACH, of="missed", person="student"),
    "session:appeal:{session_id}": Row(_refusals("student", _NO_APPEAL), of="unheard"),
    "session:charge:{session_id}:waive": Row(_CHARGED, of="charged"),
    "session:charge:{session_id}:dispute": Row(_DISPUTER, of="charged"),
    "session:appeal:{session_id}:decide:{granted}": Row(_here(_NO_SUCH_APPEAL), of="missed"),
    "session:appeal:{session_id}:of:{user_id}:decide:{granted}": Row(
        _here(_NO_SUCH_APPEAL), of="missed", person="student"
    ),
    "session:happened:{session_id}:{answer}": Row(PAIR, of="unknown"),
    "review:open:{session_id}": Row(REVIEWER, of="over"),
    "review:stars:{session_id}:{count}": Row(REVIEWER, of="over"),
    "review:comment:{session_id}": Row(REVIEWER, of="reviewed"),
    "review:read:{coach_id}": Row(READERS),
    "review:page:{coach_id}:{page}": Row(READERS),
    "reminders:off": Row(ANYBODY),
    "reminders:on": Row(ANYBODY),
    "timezone:change": Row(ANYBODY),
    # Admins.
    "block:person:{user_id}:{what}": Row(ADMINS),
    "block:lift:{user_id}:{what}": Row(_here(_NOT_BLOCKED), person="suspended"),
    "block:sessions:{user_id}": Row(ADMINS),
    "block:cancel:{user_id}:{newest}": Row(_here(_NONE_UPCOMING), person="student", numbers={"newest": 99}),
    "block:cancel:{user_id}:{newest}:{seen}": Row(_here(_NONE_UPCOMING), person="student", numbers={"newest": 99}),
    "block:list:{page}": Row(ADMINS),
    "block:list:{page}:lift:{user_id}:{what}": Row(_here(_NOT_BLOCKED), person="suspended"),
    "review:list:{coach_id}:{page}": Row(ADMINS),
    "review:hide:{session_id}:{coach_id}:{page}": Row(_here(_NO_REVIEW), of="reviewed"),
    "review:show:{session_id}:{coach_id}:{page}": Row(_here(_NO_REVIEW), of="reviewed"),
    "review:hide:{session_id}:{user_id}:{coach_id}:{page}": Row(
        _here(_NO_REVIEW), of="reviewed", person="student"
    ),
    "review:show:{session_id}:{user_id}:{coach_id}:{page}": Row(
        _here(_NO_REVIEW), of="reviewed", person="student"
    ),
    "health:refresh": Row(ADMINS),
    "health:run": Row(ADMINS),
    "story:open:{session_id}": Row(_here(_NO_SESSION)),
    "story:show:{session_id}": Row(_here(_NO_SESSION)),
    "story:repair:{session_id}": Row(_here(_NO_SESSION)),
    "story:retry:{session_id}": Row(_here(_NO_SESSION)),
    "records:audit:{user_id}:{page}": Row(ADMINS),
    "records:sessions:{status}:{user_id}:{page}": Row(ADMINS),
    "defaults:limits": Row(ADMINS),
    "defaults:presets": Row(ADMINS),
    "defaults:sessions": Row(ADMINS),
    "defaults:give:{agreed}": Row(ADMINS, numbers={"agreed": 1}),
    "defaults:show": Row(ADMINS),
    "roster:list:{page}": Row(ADMINS),
    "roster:profile:{user_id}": Row(_here("<@{user_id}> has never applied")),
    "roster:rate:{user_id}": Row(ADMINS),
    "stats:period": Row(ADMINS, picked=("7",)),
    "setup:open": Row(ADMINS),
    "setup:show": Row(ADMINS),
    "setup:make:{place}": Row(ADMINS, numbers={"place": 3}),
    "setup:pick:{place}": Row(ADMINS),
    "setup:change": Row(ADMINS, picked=("0",)),
    "setup:picked:{place}": Row(ADMINS, picked=("{channel}",)),
    "setup:clear:{place}": Row(ADMINS, numbers={"place": 3}),
    "setup:defaults": Row(ADMINS),
    "setup:form:{form}": Row(ADMINS, numbers={"form": 0}),
    "setup:rates": Row(ADMINS),
    "setup:zone:{setting}": Row(ADMINS, then="I don't know the time zone"),
    "closure:list:{page}": Row(ADMINS),
    "closure:add": Row(ADMINS),
    "closure:holidays": Row(ADMINS),
    "closure:lift:{closure_id}:{page}": Row(_here("There's no such closure in this server.")),
    "closure:sessions:{page}": Row(ADMINS),
    "closure:keep:{session_id}:{page}": Row(_here(MINE)),
    "closure:cancel:{session_id}:{page}": Row(_here(MINE), of="soon"),
    "closure:times:{session_id}:{page}": Row(_here(MINE)),
    "closure:move:{session_id}:{start}:{page}": Row(_here(MINE)),
    "away:new": Row(COACHES),
    "away:show:{absence_id}:{page}": Row(_AWAY),
    "away:back:{absence_id}": Row(_AWAY),
    f"away:times:{_OF_ABSENCE}:{{page}}": Row(_DECIDES),
    f"away:move:{_OF_ABSENCE}:{{start}}:{{page}}": Row(_DECIDES),
    f"away:cancel:{_OF_ABSENCE}:{{page}}": Row(_DECIDES, of="away"),
    f"away:keep:{_OF_ABSENCE}:{{page}}": Row(_DECIDES, of="away"),
    f"away:who:{_OF_ABSENCE}:{{page}}": Row(_DECIDES),
    f"away:ask:{_OF_ABSENCE}:{{page}}": Row(_DECIDES, picked=("{other_coach}",)),
    "away:cancelleft:{absence_id}": Row(_AWAY),
    "away:keepleft:{absence_id}": Row(_AWAY),
    "away:accept:{question_id}": Row(_ASKED),
    "away:decline:{question_id}": Row(_ASKED),
    "specialty:list": Row(ADMINS),
    "specialty:pick": Row(_here(_NO_SPECIALTY), picked=("1",)),
    "specialty:add": Row(ADMINS),
    "specialty:rename:{specialty}": Row(_here(_NO_SPECIALTY), numbers={"specialty": 1}),
    "specialty:remove:{specialty}:{count}": Row(_here(_NO_SPECIALTY), numbers={"specialty": 1, "count": 0}),
}
"""Buttons and selects, by the template of their `custom_id`."""

FORMS: dict[str, Row] = {
    "coach:apply": Row(
        APPLICANTS,
        typed={
            "About you": "I mix.",
            "Experience and links": "Ten years.",
            "What you teach": ["Mixing"],
            "Rate per hour": "60",
            "Your time zone": "UTC",
        },
    ),
    "coach:edit": Row(EDITORS, typed={"About you": "I mix.", "Rate per hour": "70"}),
    "coach:reject:{user_id}": Row(_here(_NO_APPLICATION), typed={"Reason": "No."}),
    "coach:suspend:{user_id}": Row(
        _here(COACH), person="other_coach", typed={"Reason": "No.", "Upcoming sessions": ["cancel"]}
    ),
    "block:person:{user_id}:{what}": Row(ADMINS, typed={"Reason": "No."}),
    "availability:edit:{week}:{days}": Row(COACHES, typed={"Days": "Mon", "Hours": "6-7"}),
    "availability:copy:{week}:{days}": Row(
        COACHES, typed={"Copy the hours of": ["Mon"], "To these days": ["Sat"]}
    ),
    "availability:why:{week}:{days}": Row(COACHES, typed={"Time": "tue 9:00"}),
    "availability:off:{week}:{days}": Row(
        COACHES, typed={"From": "tue", "To": "", "Hours instead": "", "Reason": ""}
    ),
    "availability:extra:{week}:{days}": Row(COACHES, typed={"Date": "tue", "Hours": "6-7"}),
    "availability:rules:sessions:{week}:{days}": Row(
        COACHES,
        typed={
            "Lengths in minutes, default first": "15",
            "Rooms": ["Voice only"],
            "Sessions start every": "15",
            "Buffer before": "0",
            "Buffer after": "0",
        },
    ),
    "availability:rules:limits:{week}:{days}": Row(
        COACHES, typed={"Minimum notice": "1 day", "Booking horizon": "7 days"}
    ),
    "availability:zone:{week}:{days}": Row(COACHES, typed={"City or time zone": "Lisbon"}),
    "availability:cancel:{session_id}:{week}:{days}": Row(
        COACHES | {"other_coach": MINE}, of="later", typed={"Reason": "Ill."}
    ),
    "book:zone:{coach_id}:{minutes}:{day}": Row(BOOKERS, typed={"City or time zone": "Lisbon"}),
    "book:notes:{coach_id}:{minutes}:{start}": Row(BOOKERS, typed={"Notes for your coach": "Hello."}),
    "series:until:{coach_id}:{minutes}:{start}:{terms}": Row(BOOKERS, numbers=_PLAN, typed={"Ends": "10 times"}),
    "series:notes:{coach_id}:{minutes}:{start}:{terms}": Row(
        BOOKERS, numbers=_PLAN, typed={"Notes for your coach": "Hello."}
    ),
    "series:decline:{series_id}": Row(_ANSWERER, typed={"Reason": "I'm full."}),
    "wait:new:{coach_id}:{minutes}": Row(BOOKERS, typed={"Hours": "03:00-04:00"}),
    "series:skip:{series_id}:{occurrence}": Row(_LEARNERS, numbers=_SECOND, typed={"Reason": "Ill."}),
    "series:hour:{series_id}:{occurrence}": Row(_LEARNERS, numbers=_SECOND, typed={"Time": "16:00"}),
    "series:change:{series_id}:{occurrence}:{hour}:{rules}": Row(
        _LEARNERS, numbers=_AT_FOUR, typed={"Reason": "A new job."}
    ),
    "series:pause:{series_id}:{occurrence}": Row(_LEARNERS, numbers=_SECOND, typed={"Reason": "Exams."}),
    "series:end:{series_id}": Row(_LEARNERS, numbers=_SECOND, typed={"Reason": "Moving away."}),
    "workshop:new:{coach_id}": Row(
        _ANNOUNCERS, typed={"Title": "Mixing", "Time": "tomorrow 18:00", "Length": "60", "Seats": "3"}
    ),
    "workshop:draft:{coach_id}:{start}:{shape}:{cost}:{currency}": Row(
        _ANNOUNCERS, typed={"Title": "Mixing", "Time": "tomorrow 18:00", "Length": "60", "Seats": "3"}
    ),
    "workshop:rules:{coach_id}:{start}:{shape}:{cost}:{currency}": Row(_ANNOUNCERS, typed={"Price": "60"}),
    "workshop:edit:{session_id}": Row(_RUNNERS, of="workshop", typed={"Title": "Mixing bass"}),
    "workshop:cancel:{session_id}": Row(_RUNNERS, of="workshop", typed={"Reason": "Ill."}),
    "move:confirm:{session_id}:{start}": Row(PAIR, typed={"Reason": "Ill."}),
    "move:anyway:{session_id}:{start}:{rules}": Row(PAIR, numbers={"rules": 0}, typed={"Reason": "Ill."}),
    "move:other:{session_id}": Row(
        _refusals("coach", MINE, student=COACHED), typed={"Day and time": "tomorrow 14:00"}
    ),
    "session:cancel:{session_id}": Row(PAIR_AND_ADMINS, typed={"Reason": "Ill."}),
    "session:charge:{session_id}:dispute": Row(_DISPUTER, of="charged", typed={"What happened": "I was ill."}),
    "session:appeal:{session_id}": Row(
        _refusals("student", _NO_APPEAL), of="unheard", typed={"What happened": "I was."}
    ),
    "away:new": Row(COACHES, typed={"From": "next friday", "To": "", "Reason": "At sea."}),
    f"away:cancel:{_OF_ABSENCE}:{{page}}": Row(_DECIDES, of="away", typed={"Reason": "At sea."}),
    "away:cancelleft:{absence_id}": Row(_AWAY, typed={"Reason": "At sea."}),
    "closure:add": Row(ADMINS, typed={"From": "next friday", "To": "", "Name": "Team day"}),
    "closure:holidays": Row(ADMINS, typed={"Country": "Germany", "State or region": ""}),
    "closure:cancel:{session_id}:{page}": Row(_here(MINE), of="soon", typed={"Reason": "Closed."}),
    "review:comment:{session_id}": Row(
        REVIEWER,
        of="reviewed",
        typed={"Your review": "Good."},
    ),
    "credits:package:add": Row(
        ADMINS, typed={"Name": "Ten lessons", "Minutes": "600", "Price": "400", "Days valid": "90"}
    ),
    "credits:package:{package_id}:change": Row(_here(_NO_PACKAGE), typed={"Minutes": "240"}),
    "credits:role:{role_id}:minutes": Row(ADMINS, typed={"Minutes each month": "60"}),
    "credits:person:{user_id}:give": Row(_here(_NOT_HERE), typed={"Minutes": "60", "Reason": "Paid in cash."}),
    "timezone:change": Row(ANYBODY, typed={"City or time zone": "Lisbon"}),
    "defaults:limits": Row(ADMINS),
    "defaults:presets": Row(ADMINS),
    "defaults:sessions": Row(ADMINS),
    "setup:form:{form}": Row(ADMINS, numbers={"form": 0}),
    "story:find": Row(_here("No session on this server has that code"), typed={"Code": "{code}"}),
    "roster:rate:{user_id}": Row(
        _here(COACH), person="other_coach", typed={"Rate per hour": "60"}, then="They already charge in"
    ),
    "specialty:add": Row(ADMINS, typed={"Names, one per line": "Violin"}),
    "specialty:rename:{specialty}": Row(
        _here(_NO_SPECIALTY), numbers={"specialty": 1}, typed={"New name": "Violin"}
    ),
}
"""Forms, by the template of their `custom_id`. Fields that aren't typed keep their initial values."""

REOPENED: dict[str, Row] = {
    template: replace(row, who=PRESSES[template].who if template in PRESSES else MEMBERS)
    for template, row in FORMS.items()
} | {
    "availability:edit:{week}:{days}": Row(ANYBODY),
    "roster:rate:{user_id}": Row(ADMINS, person="other_coach"),
}
"""Buttons that open a refused form again, by the template of the form."""

_DECIDE_APPEAL = "session:appeal:{session_id}:of:{user_id}:decide:{granted}"
TAMPERED: list[tuple[str, Row]] = [
    (_DECIDE_APPEAL, Row(_here(_NO_SUCH_APPEAL), of=of, person=person, numbers=numbers, then=_NO_SUCH_APPEAL))
    for of, person, numbers in (
        ("missed", "coach", {}),
        ("missed", "other_student", {"granted": 0}),
        ("missed", "admin", {}),
        ("unheard", "student", {}),
        ("workshop", "student", {}),
    )
]
"""Buttons whose numbers don't fit together, which change nothing whoever presses them."""

COMMANDS: dict[str, Row] = {
    "coach apply": Row(APPLICANTS),
    "coach profile": Row(READERS, options={"member": "coach"}),
    "coach edit": Row(EDITORS),
    "coach approve": Row(ADMINS),
    "coach reject": Row(ADMINS_HERE, options={"member": "other_student", "reason": "No."}),
    "coach suspend": Row(ADMINS_HERE, options={"member": "other_coach", "reason": "No."}),
    "coach reinstate": Row(ADMINS_HERE, options={"member": "suspended"}),
    "availability": Row(COACHES),
    "book": Row(MEMBERS),
    "sessions": Row(ANYBODY),
    "series": Row(ANYBODY),
    "credits": Row(ANYBODY),
    "timezone": Row(ANYBODY),
    "workshop new": Row(_refusals("coach other_coach", NOT_YET, other_student=PENDING, left=SERVER)),
    "workshop list": Row(MEMBERS),
    "coaching setup": Row(ADMINS),
    "coaching set": Row(ADMINS, options={"setting": "Currency", "value": "EUR"}),
    "coaching post": Row(ADMINS),
    "coaching block": Row(ADMINS, options={"member": "other_student", "what": "booking"}),
    "coaching unblock": Row(ADMINS_HERE, options={"member": "suspended"}),
    "coaching blocked": Row(ADMINS),
    "coaching coaches": Row(ADMINS),
    "coaching stats": Row(ADMINS),
    "coaching defaults": Row(ADMINS),
    "coaching specialties": Row(ADMINS),
    "coaching closures": Row(ADMINS),
    "coaching reviews": Row(ADMINS),
    "coaching health": Row(ADMINS),
    "coaching run": Row(ADMINS),
    "coaching session": Row(_here("No session on this server has that code"), options={"code": "{code}"}),
    "coaching sessions": Row(ADMINS),
    "coaching audit": Row(ADMINS),
    "coaching credits": Row(ADMINS),
    "coaching payments": Row(ADMINS),
    "coaching grant": Row(ADMINS_HERE, options={"member": "other_student", "minutes": 60, "reason": "Paid."}),
    "coaching export": Row(ADMINS, options={"what": "sessions"}),
}


PAYER = _refusals("student", "You have no such payment.")
_NO_CARDS = "This server doesn't take cards at the moment."
_NO_PAYMENT = "There's no such payment in this server."
_NOTHING_BACK = "Nothing of this is paid back, so there's nothing to choose."
PAYMENTS: dict[str, Row] = {
    "pay:session:{coach_id}:{minutes}:{start}:{cost}:{currency}": Row(BOOKERS | {"outsider": _NO_CARDS}),
    "pay:package:{package_id}:{cost}:{currency}": Row(MEMBERS | {"outsider": _NO_CARDS}, numbers={"cost": 25000}),
    "pay:offer:{offer_id}": Row(_OFFERED),
    "pay:seat:{session_id}:{cost}:{currency}": Row(
        _SEATED | {"student": "You have a seat in this workshop already."}, of="workshop"
    ),
    "pay:lesson:{session_id}:{cost}:{currency}": Row(
        _refusals("student", "You have no such lesson."), of="lesson"
    ),
    "pay:check:{payment_id}": Row(PAYER),
    "pay:close:{payment_id}": Row(PAYER),
    "pay:keep:{payment_id}": Row(PAYER, then=_NOTHING_BACK),
    "pay:back:{payment_id}": Row(PAYER, then=_NOTHING_BACK),
    "payments:list:{page}": Row(ADMINS),
    "payments:mode": Row(ADMINS, picked=("0",)),
    "payments:csv": Row(ADMINS, picked=("0",)),
    "payments:ask_refund:{payment_id}:{page}": Row(_here(_NO_PAYMENT), numbers={"payment_id": 2}),
    "payments:refund:{payment_id}:{page}": Row(
        _here(_NO_PAYMENT), numbers={"payment_id": 2}, again="This is being paid back already"
    ),
}
"""Controls that there are only with a key for payments, which the table's academy has."""
PRESSES |= PAYMENTS


def of_control(bot: CoachBot, custom_id: str) -> Row | None:
    """Find the row of a button or a select, also of one that opens a form again."""
    custom_id = custom_id.removeprefix(BESIDE)
    if custom_id.startswith(FIX):
        return _found(REOPENED, bot.router.openers, custom_id.removeprefix(FIX))
    if custom_id.startswith(PICK):
        return of_form(bot, custom_id.split(":", 2)[2]) or of_control(bot, custom_id.split(":", 2)[2])
    return _found(PRESSES, bot.router.handlers, custom_id)


def of_form(bot: CoachBot, custom_id: str) -> Row | None:
    """Find the row of a form."""
    return _found(FORMS, bot.router.handlers, custom_id)


def _found(table: dict[str, Row], handlers: list[Handler], custom_id: str) -> Row | None:
    return next(
        (table.get(one.route.template) for one in handlers if one.route.match(custom_id) is not None), None
    )
