"""The guided tour: what to do next, ticked off by looking at the world."""

from dataclasses import dataclass

from sqlalchemy import select

from bot.demo.stage import DIRECT, Stage
from models import AvailabilityRule, Coach, CoachingSession, CoachStatus, Notice, NoticeKind

# Who does it, what it is, how it is done; `_done` says in the same order which of them are.
_SCRIPT = (
    ("admin", "Approve Cara", "Open #coach-applications and press Approve on her card."),
    ("coach", "Set your hours", "Type /availability in #lobby, send it, and press a preset, like Morning."),
    ("student", "Book Cara", "Type /book in #lobby and send it: choose Cara, a time, and Confirm."),
    (
        "student",
        "Wait for your room",
        "Press To the next event until a room stands under Coaching rooms. It opens 5 minutes before the start.",
    ),
    ("student", "Sit in the room", "Press Join beside it."),
    ("outsider", "Look for the room", "Olaf has nothing to do with it, so for him there is no room at all."),
    ("student", "Let the session end", "Press Leave, then To the next event until the room is gone."),
    ("coach2", "Cancel a session", "Type /sessions in #lobby, press Cancel… on the one with Stu, say why."),
    ("student", "Read what you were told", "Open your direct messages."),
)


@dataclass(frozen=True, slots=True)
class TourStep:
    """One thing to do, as whom, and whether it is done."""

    person: str
    title: str
    detail: str
    done: bool


async def tour(stage: Stage) -> list[TourStep]:
    """The steps, in order, as the world stands."""
    done = await _done(stage)
    return [TourStep(*line, done=is_done) for line, is_done in zip(_SCRIPT, done, strict=True)]


async def _done(stage: Stage) -> list[bool]:
    people = stage.world.people
    cara, stu, ben = (people[key].member.id for key in ("coach", "student", "coach2"))
    async with stage.db.read() as session:
        coach = await session.get(Coach, (stage.world.guild.id, cara))
        hours = await session.scalar(select(AvailabilityRule.id).where(AvailabilityRule.coach_id == cara).limit(1))
        booked = await session.scalar(
            select(CoachingSession)
            .where(CoachingSession.coach_id == cara, CoachingSession.student_id == stu)
            .order_by(CoachingSession.id.desc())
            .limit(1)
        )
        told = await session.scalar(
            select(Notice.message_id)
            .join(CoachingSession, CoachingSession.id == Notice.session_id)
            .where(Notice.kind == NoticeKind.SESSION_CANCELLED, Notice.user_id == stu)
            .where(CoachingSession.cancelled_by == ben)
            .limit(1)
        )
    opened = booked is not None and booked.access_granted_at is not None
    return [
        coach is not None and coach.status is CoachStatus.APPROVED,
        hours is not None,
        booked is not None,
        opened,
        opened and "student" in stage.joined,
        opened and "outsider" in stage.looked_as,
        booked is not None and booked.room_removed_at is not None,
        told is not None,
        told is not None and stage.has_read(people["student"], stage.channel_id(people["student"], DIRECT), told),
    ]
