"""Direct messages name people in plain words, and messages that stay in a chat have absolute times."""

import itertools
import re
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

import discord
import pytest

import bot.app  # noqa: F401  (it registers what features declare)
from cogs import notifications
from models import (
    Absence,
    AbsenceOutcome,
    Absent,
    Alert,
    Coach,
    CoachingSession,
    CoachStatus,
    CreditDispute,
    CreditLot,
    Guild,
    Lesson,
    LotSource,
    Notification,
    NotificationKind,
    Offer,
    OfferState,
    Package,
    PackageOrder,
    Payment,
    PaymentStatus,
    Series,
    SeriesPayment,
    SeriesRule,
    SeriesStatus,
    SessionStatus,
    SessionType,
    SkipReason,
    Substitution,
    SubstitutionState,
    Wish,
    WishEnd,
    Workshop,
)
from models.notification import Route
from scheduler.attendance.attendance import Presence
from scheduler.attendance.notifications import NoShowDetails
from scheduler.booking.notifications import CancelledDetails
from scheduler.coaches.notifications import ApplicationDetails
from scheduler.credits.lessons import Unpaid
from scheduler.credits.notifications import DisputeDetails, LotDetails
from scheduler.credits.orders import Ordered
from scheduler.credits.statements import Facts
from scheduler.notifications import kinds
from scheduler.notifications.kinds import NotificationContext
from scheduler.rooms import extensions
from scheduler.rooms.extensions import Answer, Terms
from scheduler.rooms.notifications import ExtensionRequest
from scheduler.series.changes.listing import ShownLesson
from scheduler.series.changes.notifications import ChangeDetails
from scheduler.series.notifications import SeriesDetails, ShownDate
from scheduler.sessions.lessons import OneOf
from scheduler.time_off.notifications import QuestionDetails
from scheduler.time_off.summaries import Line, Summary
from scheduler.waiting_list.notifications import OfferDetails, WishDetails
from scheduler.workshops.notifications import WorkshopDetails
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, session_for_one
from tests.support.time_off import SAM

K, S = NotificationKind, SessionStatus
RAW_ID = re.compile(r"<(@[!&]?|#)[0-9]+>")
STARTS_AT = MONDAY + 2 * HOUR
LONGER = Terms(STARTS_AT + HOUR + extensions.EXTENSION, 1500)

WAYS: dict[str, dict[str, Any]] = {
    "booked": {},
    "rescheduled": {"rescheduled_at": MONDAY + MINUTE, "rescheduled_by": COACH, "rescheduled_from": MONDAY + HOUR},
    "running": {"status": S.IN_PROGRESS, "access_granted_at": MONDAY, "discord_channel_id": 555},
    "completed": {"status": S.COMPLETED},
    "cancelled": {"status": S.CANCELLED, "cancelled_by": STUDENT, "cancel_reason": "Ill."},
    "no-show": {"status": S.NO_SHOW, "absent": Absent.STUDENT},
    "cleared": {
        "status": S.COMPLETED,
        "appealed_at": MONDAY,
        "appeal_decided_at": MONDAY,
        "about_user_id": STUDENT,
    },
}
AFTERWARDS = K.NO_SHOW, K.REVIEW_REQUEST, K.SESSION_MISSED, K.SESSION_CANCELLED
"""Messages about how a session ended."""
FOLLOWING = sorted(kinds.following_sessions())


def a_context(kind: NotificationKind, reader_id: int | None = STUDENT, **changed: Any) -> NotificationContext:
    """Return a message about a session, to its student unless it's for someone else."""
    values: dict[str, Any] = {
        "id": 3,
        "guild_id": GUILD,
        "code": "abc",
        "coach_id": COACH,
        "student_id": STUDENT,
        "starts_at": STARTS_AT,
        "ends_at": STARTS_AT + HOUR,
        "status": S.SCHEDULED,
        "session_type": SessionType.VIDEO,
        "total_cost_minor": 6000,
        "currency": "USD",
        "notes": "The bridge.",
        "revision": 0,
        "created_at": MONDAY,
        "updated_at": MONDAY,
        "appealed_at": MONDAY if kind is K.APPEAL_CARD else None,
    }
    sent_at, about_user_id = changed.pop("sent_at", None), changed.pop("about_user_id", None)
    coach = Coach(
        guild_id=GUILD,
        user_id=COACH,
        display_name="Cara",
        status=CoachStatus.APPROVED,
        bio="I mix.",
        experience="Ten years.",
        rate_minor=6000,
        currency="USD",
        time_zone="UTC",
        applied_at=MONDAY,
        decided_at=MONDAY,
        decided_by=ADMIN.user_id,
        decision_reason="Welcome.",
    )
    if kind is K.RUNNING_LATE:
        about_user_id = STUDENT if reader_id == COACH else COACH
    return NotificationContext(
        Notification(
            id=7, guild_id=GUILD, kind=kind, user_id=reader_id, about_user_id=about_user_id, sent_at=sent_at
        ),
        Guild(
            id=GUILD,
            currency="USD",
            cancel_notice_minutes=60,
            access_lead_minutes=5,
            linger_minutes=15,
            room_lead_minutes=15,
            no_show_grace_minutes=15,
        ),
        coach,
        _workshop(**values | changed) if kind in SEATS else session_for_one(**values | changed),
        Alert(key="", text="<@3000> can't see <#555>, nor <@&77>.", since=MONDAY, told_at=MONDAY),
        workshop=WORKSHOP if kind in SEATS else None,
        details=_details(kind),
        names={COACH: "Cara", STUDENT: "Stu", 555: "#lobby", 77: "@Coach"},
    )


SERIES_CHANGES = (K.SERIES_MOVED, K.SERIES_PAUSED, K.SERIES_ENDED, K.SERIES_MISSED, K.SERIES_CLOCKS, K.SERIES_ZONE)
SEATS = (K.WORKSHOP_ANNOUNCEMENT, K.WORKSHOP_CREATED, K.SEAT_TAKEN, K.SEAT_LEFT)
WORKSHOP = Workshop(session_id=3, title="Mixing", description="Bring a session.", seats=12, price_minor=1500)


def _workshop(**values: Any) -> CoachingSession:
    """Return the same session with one of twelve seats taken."""
    one = session_for_one(**values)
    one.is_workshop = True
    return one


def _details(kind: NotificationKind) -> Any:
    if kind in SEATS:
        return WorkshopDetails(WORKSHOP, 11)
    if kind is K.APPLICATION_CARD:
        return ApplicationDetails([], (), ())
    attended = {COACH: Presence(STARTS_AT, HOUR), STUDENT: Presence(None, HOUR - HOUR)}
    if kind is K.NO_SHOW:
        return NoShowDetails(attended, None)
    if kind is K.APPEAL_CARD:
        return attended
    if kind is K.SESSION_CANCELLED:
        return CancelledDetails(None, OneOf(1, goes_on=True))
    if kind is K.SESSION_RESCHEDULED:
        return OneOf(1, goes_on=True)
    if kind in (K.ROOM_WELCOME, K.ROOM_ENDING):
        return LONGER
    if kind is K.ROOM_EXTENSION:
        return ExtensionRequest(Answer.OPEN, LONGER)
    if kind in (K.CREDITS_GRANTED, K.CREDITS_ENDING):
        lot = CreditLot(
            id=1,
            source=LotSource.MAKE_UP,
            minutes_left=60,
            coach_ids=[COACH, 3000],
            session_id=3,
            valid_until=STARTS_AT + 60 * DAY,
        )
        about = CoachingSession(id=3, coach_id=COACH, starts_at=STARTS_AT)
        return LotDetails(lot, Facts({1: 60}, {}, {}, {}, {3: about}), {COACH: "Cara"})
    if kind in (K.DISPUTE_CARD, K.DISPUTE_DECIDED):
        dispute = CreditDispute(session_id=3, user_id=STUDENT, opened_at=MONDAY, reason="I was.", decided_at=None)
        return DisputeDetails(dispute, {})
    if kind in (K.ORDER_CARD, K.ORDER_DECLINED):
        order = PackageOrder(id=1, user_id=STUDENT, package_id=1, ordered_at=MONDAY)
        package = Package(name="Five", minutes=300, price_minor=100, currency="USD", days_valid=180)
        return Ordered(order, package)
    if kind in (K.SESSION_BOOKED, K.PAYMENT_OPEN, K.PAYMENT_EXPIRED, K.PAYMENT_TOO_LATE, K.REFUNDED):
        return Payment(
            id=1,
            user_id=STUDENT,
            coach_id=COACH,
            status=PaymentStatus.OPEN,
            amount_minor=6000,
            currency="USD",
            livemode=True,
            starts_at=STARTS_AT,
            ends_at=STARTS_AT + HOUR,
            expires_at=STARTS_AT,
        )
    if kind in (K.TIME_OFFERED, K.WISH_ENDED):
        return _waiting(kind)
    if kind in (K.LESSON_CREDIT_SHORT, K.LESSON_TO_PAY):
        return Unpaid(Series(pays_with=SeriesPayment.CREDIT), 30, True, STARTS_AT)
    if kind in (K.SERIES_REQUEST, K.SERIES_BOOKED, K.SERIES_CLOSED):
        return _weekly_lessons(kind)
    if kind in (*SERIES_CHANGES, K.LESSON_BACK):
        return _changed_lessons(kind)
    if kind in (K.SUBSTITUTE_ASKED, K.SUBSTITUTE_PROPOSED, K.SUBSTITUTE_NOT_NEEDED):
        return QuestionDetails(a_question(), "I'm at sea.", {COACH: "Cara", SAM: "Sam"})
    return _summary() if kind is K.ABSENCE_SUMMARY else False


def a_question(**changed: Any) -> Substitution:
    values: dict[str, Any] = {"id": 1, "coach_id": COACH, "substitute_id": SAM, "state": SubstitutionState.OPEN}
    return Substitution(starts_at=STARTS_AT, expires_at=STARTS_AT - HOUR, **values | changed)


def _summary() -> Summary:
    """Return a summary with every outcome."""
    day = STARTS_AT.date()
    absence = Absence(coach_id=COACH, first=day, last=day, reason="I'm at sea.")
    one = session_for_one(
        id=3,
        guild_id=GUILD,
        coach_id=COACH,
        code="abc",
        starts_at=STARTS_AT,
        ends_at=STARTS_AT + HOUR,
        created_at=MONDAY,
        updated_at=MONDAY,
        revision=1,
        currency="USD",
        status=S.SCHEDULED,
    )
    lines = [
        Line(one, outcome, STARTS_AT, workshop, 60, is_paid_by_card=True)
        for outcome, workshop in itertools.product(AbsenceOutcome, (None, WORKSHOP))
    ]
    return Summary(absence, lines)


def _weekly_lessons(kind: NotificationKind) -> SeriesDetails:
    rule = SeriesRule(
        first_occurrence=0, first_day=STARTS_AT.date(), start_minute=600, time_zone="UTC", interval_weeks=1
    )
    status = {K.SERIES_REQUEST: SeriesStatus.REQUESTED, K.SERIES_BOOKED: SeriesStatus.ACTIVE}
    series = Series(
        id=1,
        coach_id=COACH,
        student_id=STUDENT,
        status=status.get(kind, SeriesStatus.DECLINED),
        duration_minutes=60,
        total_cost_minor=6000,
        currency="USD",
        pays_with=SeriesPayment.OTHERWISE,
        answer_by=STARTS_AT,
        notes="Scales.",
        end_reason="I'm full.",
        decided_by=COACH,
        rules=[rule],
    )
    dates = [
        ShownDate((STARTS_AT + week * 7 * DAY).date(), STARTS_AT + week * 7 * DAY, is_skipped=week == 1)
        for week in range(8)
    ]
    return SeriesDetails(series, dates, "UTC")


def _changed_lessons(kind: NotificationKind) -> ChangeDetails:
    """Return weekly lessons of which the first takes place, and the others don't, each for another reason."""
    series = _weekly_lessons(kind).series
    booked = session_for_one(coach_id=COACH, starts_at=STARTS_AT + HOUR, status=S.SCHEDULED)
    lessons = [
        Lesson(occurrence=number, day=STARTS_AT.date(), starts_at=STARTS_AT + number * 7 * DAY, skipped=why)
        for number, why in enumerate([None, *SkipReason])
    ]
    shown = [ShownLesson(one, None if one.skipped is not None else booked) for one in lessons]
    return ChangeDetails(series, series.rules[0], 0, shown, "America/New_York")


def _waiting(kind: NotificationKind) -> Any:
    wish = Wish(
        minutes=60,
        coach_id=COACH,
        weekdays=31,
        from_minute=540,
        until_minute=1020,
        until=STARTS_AT + 9 * DAY,
        end_reason=WishEnd.EXPIRED,
    )
    if kind is K.WISH_ENDED:
        return WishDetails(wish, "UTC")
    offer = Offer(
        id=1,
        wish_id=1,
        starts_at=STARTS_AT,
        ends_at=STARTS_AT + HOUR,
        is_shared=False,
        cost_minor=6000,
        currency="USD",
        state=OfferState.OPEN,
        expires_at=STARTS_AT,
    )
    return OfferDetails(offer, wish, CoachingSession(id=3), "UTC")


def shown(context: NotificationContext) -> tuple[str, Collection[str]]:
    """Return a message's texts and the `custom_id`s or addresses of its buttons."""
    items = list(notifications.render(context, "Academy").walk_children())
    said = "\n".join(one.content for one in items if isinstance(one, discord.ui.TextDisplay))
    buttons = [one for one in items if isinstance(one, discord.ui.Button)]
    return said, [one.custom_id or one.url or "" for one in buttons]


@pytest.mark.parametrize("kind", K)
def test_no_direct_message_shows_ids(kind: NotificationKind) -> None:
    for way, reader_id, sent_at in itertools.product(WAYS.values(), (STUDENT, COACH), (None, MONDAY)):
        context = replace(a_context(kind, reader_id, sent_at=sent_at, **way), in_dm=True)
        for names in (context.names, {}):
            said, _ = shown(replace(context, names=names))
            assert not RAW_ID.search(said), said


@pytest.mark.parametrize("kind", K)
def test_what_stays_in_a_chat_has_absolute_times(kind: NotificationKind) -> None:
    for way, in_dm in itertools.product(WAYS.values(), (True, False)):
        said, _ = shown(replace(a_context(kind, **way), in_dm=in_dm))
        assert ":R>" not in said


def test_people_are_mentioned_in_servers() -> None:
    context = a_context(K.SESSION_BOOKED)
    context.notification.route = Route.ROOM

    said, _ = shown(context)

    assert f"<@{COACH}>" in said


@pytest.mark.parametrize(("reader_id", "word"), [(STUDENT, "your coach"), (COACH, "your student")])
def test_people_whose_name_is_unknown_are_named_by_their_part(reader_id: int, word: str) -> None:
    said, _ = shown(replace(a_context(K.SESSION_BOOKED, reader_id), in_dm=True, names={}))

    assert word in said


def test_an_alert_in_the_owners_direct_messages_names_people_channels_and_roles() -> None:
    context = replace(a_context(K.ALERT, None), in_dm=True, session=None)

    assert "Stu can't see #lobby, nor @Coach." in shown(context)[0].replace("\\", "")
    assert "someone can't see #unknown, nor @unknown-role." in shown(replace(context, names={}))[0].replace(
        "\\", ""
    )


@pytest.mark.parametrize("way", ["rescheduled", "completed", "cancelled", "cleared"])
@pytest.mark.parametrize("kind", [one for one in FOLLOWING if one not in AFTERWARDS])
def test_outdated_messages_say_what_became_of_the_session_without_buttons(
    kind: NotificationKind, way: str
) -> None:
    said, buttons = shown(replace(a_context(kind, sent_at=MONDAY, **WAYS[way]), in_dm=True))

    state = {"completed": "over", "cleared": "over"}.get(way, way)
    assert f" · {state}**\n" in said
    assert buttons == []


@pytest.mark.parametrize("kind", [one for one in FOLLOWING if one is not K.SESSION_CANCELLED])
def test_a_message_in_time_keeps_its_buttons(kind: NotificationKind) -> None:
    way = {K.NO_SHOW: "no-show", K.REVIEW_REQUEST: "completed", K.ROOM_OPEN: "running"}.get(kind, "booked")

    _, buttons = shown(replace(a_context(kind, **WAYS[way]), in_dm=True))

    assert buttons


@pytest.mark.parametrize(
    ("kind", "way", "says"),
    [
        (K.NO_SHOW, "cleared", "counts as completed after all"),
        (K.REVIEW_REQUEST, "no-show", "can't be reviewed any more"),
        (K.REVIEW_REQUEST, "cancelled", "can't be reviewed any more"),
    ],
)
def test_questions_that_are_settled_have_no_buttons(kind: NotificationKind, way: str, says: str) -> None:
    said, buttons = shown(replace(a_context(kind, sent_at=MONDAY, **WAYS[way]), in_dm=True))

    assert says in said
    assert buttons == []


@pytest.mark.parametrize("took_place", [True, False])
def test_an_answered_question_shows_the_answer_instead_of_buttons(took_place: bool) -> None:
    status = S.COMPLETED if took_place else S.CANCELLED

    said, buttons = shown(a_context(K.SESSION_MISSED, took_place=took_place, status=status, sent_at=MONDAY))

    assert ("Noted: it took place." in said, "Noted: it didn't take place." in said) == (
        took_place,
        not took_place,
    )
    assert buttons == []


def test_an_announcement_after_the_start_has_no_buttons() -> None:
    context = a_context(K.WORKSHOP_ANNOUNCEMENT)

    said, buttons = shown(replace(context, details=context.details._replace(has_begun=True)))

    assert "It has started" in said
    assert buttons == []
    assert shown(context)[1], "it has some before the start"


def test_the_room_is_a_link_in_direct_messages() -> None:
    opened: dict[str, Any] = WAYS["running"] | {"status": S.SCHEDULED}
    context = replace(a_context(K.PERSON_LEFT, **opened), in_dm=True)

    _, buttons = shown(context)

    assert f"https://discord.com/channels/{GUILD}/555" in buttons


@pytest.mark.parametrize("state", SubstitutionState)
@pytest.mark.parametrize("accepted", [None, MONDAY], ids=["before", "after"])
@pytest.mark.parametrize(("kind", "reader_id"), [(K.SUBSTITUTE_ASKED, SAM), (K.SUBSTITUTE_PROPOSED, STUDENT)])
def test_a_question_about_a_substitute_has_buttons_only_while_it_is_open(
    kind: NotificationKind, reader_id: int, state: SubstitutionState, accepted: datetime | None
) -> None:
    question = a_question(state=state, substitute_accepted_at=accepted, student_accepted_at=accepted)
    details = QuestionDetails(question, None, {COACH: "Cara", SAM: "Sam"})

    said, buttons = shown(replace(a_context(kind, reader_id), in_dm=True, details=details))

    answers = ["away:decline:1"] if accepted else ["away:accept:1", "away:decline:1"]
    assert buttons == (answers if state is SubstitutionState.OPEN else [])
    assert "Cara is away then." in said


def test_whose_session_was_taken_over_reads_that_without_buttons() -> None:
    said, buttons = shown(replace(a_context(K.SESSION_BOOKED, SAM, sent_at=MONDAY), in_dm=True))

    assert "**New booking · paid by card · taken over by another coach**" in said
    assert buttons == []
