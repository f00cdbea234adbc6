"""The guided tour: what to do next, ticked off the moment the visitor has done it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo import simcord_private
from bot.demo.stage import Stage
from models import (
    AvailabilityRule,
    Coach,
    CoachingSession,
    CoachStatus,
    Notification,
    NotificationKind,
    Offer,
    OfferState,
    Participant,
    ParticipantStatus,
    Payment,
    Review,
    Series,
    SeriesStatus,
    SessionStatus,
    Wish,
    Workshop,
)
from scheduler.core.clock import stamp
from scheduler.time_off import absences

# Who does each step, its title and how to do it. `_done` uses the same order.
_SCRIPT = (
    ("admin", "Approve Cara", "Open #coach-applications and press Approve on her card."),
    ("coach", "Set your hours", "Type and send /availability in #lobby, then press a preset such as Morning."),
    ("student", "Book Cara", "Type and send /book in #lobby, then choose Cara, a time, and Confirm."),
    (
        "student",
        "Read the reminder",
        "Press Next event until it's an hour before the start, then open your direct messages.",
    ),
    (
        "student",
        "Join your room",
        "Press Next event until a room appears under Coaching rooms, 5 minutes before the start. Then press Join "
        "next to it.",
    ),
    (
        "student",
        "Read the room's message",
        "Open the room. From its message you can end the session early or extend it.",
    ),
    ("outsider", "Look for the room", "Olaf isn't part of the session, so he can't see the room at all."),
    (
        "student",
        "Finish the session",
        "Once the session has started, press End now in the room and then End session, or press Next event until "
        "it's over. Then press Leave.",
    ),
    ("coach", "See who was there", "Type and send /sessions in #lobby to see who came, when, and for how long."),
    ("student", "Give stars", "Open your direct messages and rate a session below How was it?"),
    (
        "student2",
        "Pay by card",
        "Type and send /book in #lobby, choose Theo and a time, and press Pay. Press it again, and pay on the "
        "page that opens. No money moves.",
    ),
    ("student2", "Look at the receipt", "Open your direct messages and press Receipt."),
    (
        "student2",
        "Cancel in time",
        "Type and send /sessions in #lobby, and press Cancel… on the session you've paid for.",
    ),
    ("student2", "Read about the refund", "Open your direct messages."),
    ("admin", "See what came in", "Type and send /coaching payments in #lobby."),
    (
        "coach2",
        "Cancel a session",
        "Type and send /sessions in #lobby, press Cancel… on the session with Stu, and say why.",
    ),
    ("student", "Read the message about it", "Open your direct messages."),
    (
        "student",
        "Join the waiting list",
        "Type and send /book in #lobby. Vera has nothing free: press Tell me when… next to her, then Submit.",
    ),
    (
        "student2",
        "Free the time",
        "Type and send /sessions in #lobby, and press Cancel… on the session with Vera.",
    ),
    ("student", "Take the offer", "Open your direct messages, press Take it, and choose how to pay."),
    ("student", "Take a seat", "Open #workshops, press Take a seat below Ben's workshop, and choose how to pay."),
    ("student", "Find your seat", "Type and send /sessions in #lobby. The workshop is among your sessions."),
    ("coach2", "See who takes part", "Open #workshops and press Details."),
    (
        "student",
        "Leave, or attend",
        "Open #workshops and press Leave twice to give your seat back. Or press Next event until the workshop's "
        "room appears on Wednesday, and join it.",
    ),
    (
        "coach2",
        "Go away",
        "Type and send /availability in #lobby, press Away…, type 3 March in From and 4 March in To, and press "
        "Submit.",
    ),
    ("coach2", "Decide about what's booked", "Press Cancel all… and Submit. Each person gets one message."),
    (
        "student",
        "Ask for weekly lessons",
        "Type and send /book in #lobby, choose Ben, a time, and Every week… in place of Once. Press Ask Ben.",
    ),
    ("coach2", "Accept them", "Open your direct messages and press Accept."),
    (
        "student",
        "Read the answer",
        "Open your direct messages. The file in it puts all lessons into your calendar.",
    ),
)
_RUNNING = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)
_JOIN = 4
"""The step that joins the room."""
_WHO_CAME = "min inside"
"""What /sessions says about a session to which somebody came."""
_WHO_TAKES_PART = "**Participants ("
"""What the details of a workshop say to its coach."""
_CARD_PAYMENTS = "### Card payments"
"""The title of /coaching payments."""


@dataclass(frozen=True, slots=True)
class TourStep:
    """One step of the tour."""

    person: str
    title: str
    detail: str
    done: bool


async def tour(stage: Stage) -> list[TourStep]:
    """Return the steps in order, each with whether it's done. What was done once stays done."""
    stage.ticked.update(number for number, is_done in enumerate(await _done(stage)) if is_done)
    return [TourStep(*line, done=number in stage.ticked) for number, line in enumerate(_SCRIPT)]


async def _done(stage: Stage) -> list[bool]:
    people = stage.world.people
    cara, stu, ben = (people[key].member.id for key in ("coach", "student", "coach2"))
    async with stage.db.read() as session:
        coach = await session.get(Coach, (stage.world.guild.id, cara))
        hours = await session.scalar(select(AvailabilityRule.id).where(AvailabilityRule.coach_id == cara).limit(1))
        booked = await session.scalar(
            select(CoachingSession)
            .where(CoachingSession.coach_id == cara, CoachingSession.has_participant(stu))
            .order_by(CoachingSession.id.desc())
            .limit(1)
        )
        by_ben = await session.scalar(
            select(CoachingSession)
            .where(CoachingSession.cancelled_by == ben, CoachingSession.has_participant(stu))
            .limit(1)
        )
        # Any of Stu's sessions: the one with Cara may have been a no-show, which nobody can review.
        reviewed = await session.scalar(select(Review.session_id).where(Review.student_id == stu).limit(1))
        reminder = await _last_sent(session, booked, NotificationKind.SESSION_REMINDER, stu)
        welcome = await _last_sent(session, booked, NotificationKind.ROOM_WELCOME, None)
        cancelled = await _last_sent(session, by_ben, NotificationKind.SESSION_CANCELLED, stu)
        by_card = await _paid_by_card(session, stage)
        later = [
            *await _waited(session, stu),
            *await _took_part(session, stage),
            *await _is_away(session, stage),
            *await _agreed_on_lessons(session, stage, stu),
        ]
    is_open = booked is not None and booked.access_granted_at is not None and booked.room_removed_at is None
    inside = simcord_private.inside(stage.world.guild, booked.discord_channel_id or 0) if booked else []
    is_over = booked is not None and (booked.status not in _RUNNING or booked.ends_at <= stage.now)
    joined = stage.person.key == "student" and stu in inside
    return [
        coach is not None and coach.status is CoachStatus.APPROVED,
        hours is not None,
        booked is not None,
        _has_read(stage, reminder),
        joined,
        _has_read(stage, welcome),
        is_open and stage.person.key == "outsider",
        _JOIN in stage.ticked and is_over and stu not in inside,
        stage.person.key == "coach" and stage.shows(_WHO_CAME),
        reviewed is not None,
        *by_card,
        stage.person.key == "admin" and stage.shows(_CARD_PAYMENTS),
        by_ben is not None,
        _has_read(stage, cancelled),
        *later,
    ]


async def _waited(session: AsyncSession, stu: int) -> list[bool]:
    """Whether Stu has joined the waiting list, been offered a time that became free, and taken it."""
    taken = Offer.user_id == stu, Offer.state.in_((OfferState.TAKEN, OfferState.RESCHEDULED))
    which = select(Wish.id).where(Wish.user_id == stu), select(Offer.id).where(Offer.user_id == stu)
    return [await session.scalar(one.limit(1)) is not None for one in (*which, select(Offer.id).where(*taken))]


async def _took_part(session: AsyncSession, stage: Stage) -> list[bool]:
    """Whether Stu took a seat, found it in his sessions, Ben saw who takes part, and Stu left it or joined."""
    stu = stage.world.people["student"].member.id
    theirs = (
        select(Workshop, Participant.status)
        .join(Participant, Participant.session_id == Workshop.session_id)
        .where(Participant.user_id == stu)
    )
    found = list(await session.execute(theirs))
    rooms = [one.session.discord_channel_id for one, _ in found if one.session.discord_channel_id]
    has_joined = any(stu in simcord_private.inside(stage.world.guild, room) for room in rooms)
    # Only /sessions says with whom and how far away it is in one line.
    lines = [f"With <@{one.session.coach_id}> · {stamp(one.session.starts_at, 'R')}" for one, _ in found]
    return [
        bool(found),
        stage.person.key == "student" and any(map(stage.shows, lines)),
        bool(found) and stage.person.key == "coach2" and stage.shows(_WHO_TAKES_PART),
        has_joined or any(status is ParticipantStatus.LEFT for _, status in found),
    ]


async def _is_away(session: AsyncSession, stage: Stage) -> list[bool]:
    """Whether Ben is away, and has decided about all sessions then."""
    ben = await session.get(Coach, (stage.world.guild.id, stage.world.people["coach2"].member.id))
    found = await absences.list_upcoming(session, ben, stage.now) if ben is not None else []
    return [bool(found), bool(found) and not any(one.sessions for one in found)]


async def _agreed_on_lessons(session: AsyncSession, stage: Stage, stu: int) -> list[bool]:
    """Whether Stu has asked for weekly lessons, got them, and read about it."""
    series = await session.scalar(
        select(Series).where(Series.student_id == stu).order_by(Series.id.desc()).limit(1)
    )
    if series is None:
        return [False] * 3
    told = select(Notification).where(
        Notification.series_id == series.id,
        Notification.kind == NotificationKind.SERIES_BOOKED,
        Notification.user_id == stu,
        Notification.message_id.is_not(None),
    )
    is_agreed = series.status in (SeriesStatus.ACTIVE, SeriesStatus.ENDED)
    return [True, is_agreed, _has_read(stage, await session.scalar(told.limit(1)))]


async def _paid_by_card(session: AsyncSession, stage: Stage) -> list[bool]:
    """Whether Sam has paid for a session, seen the receipt, cancelled it, and read about the refund."""
    sam = stage.world.people["student2"].member.id
    paid = list(await session.scalars(select(Payment).where(Payment.user_id == sam, Payment.paid_at.is_not(None))))
    sessions = CoachingSession.id.in_([one.session_id for one in paid])
    called_off = select(CoachingSession.id).where(sessions, CoachingSession.cancelled_by == sam)
    refunded = select(Notification).where(
        Notification.kind == NotificationKind.REFUNDED,
        Notification.user_id == sam,
        Notification.message_id.is_not(None),
    )
    return [
        bool(paid),
        any(one.payment_intent_id in stage.receipts_seen for one in paid),
        await session.scalar(called_off.limit(1)) is not None,
        _has_read(stage, await session.scalar(refunded.limit(1)), "student2"),
    ]


async def _last_sent(
    session: AsyncSession, about: CoachingSession | None, kind: NotificationKind, user_id: int | None
) -> Notification | None:
    if about is None:
        return None
    of_it = select(Notification).where(
        Notification.session_id == about.id, Notification.kind == kind, Notification.user_id == user_id
    )
    return await session.scalar(
        of_it.where(Notification.message_id.is_not(None)).order_by(Notification.id.desc()).limit(1)
    )


def _has_read(stage: Stage, notification: Notification | None, key: str = "student") -> bool:
    """Whether this person, by default Stu, has read this message."""
    if notification is None or notification.channel_id is None or notification.message_id is None:
        return False
    return stage.has_read(stage.world.people[key], notification.channel_id, notification.message_id)
