"""Finished sessions, what students press on them, and what's stored."""

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import select

from bot.app import CoachBot
from bot.demo import simcord_private
from models import CoachingSession, NotificationKind, Review, SessionStatus
from scheduler.core.actor import Actor
from scheduler.notifications import outbox
from scheduler.reviews import reviews
from tests.support import builders
from tests.support.simulated import Academy
from tests.support.transactions import fetch_all, transact


async def took_place(world: Academy, *, student: Any = None, coach: Any = None, **changed: Any) -> CoachingSession:
    """Return a session that ended an hour ago, of Cara and Stu by default."""
    values: dict[str, Any] = {
        "coach_id": (coach or world.coach).id,
        "student_id": (student or world.student).id,
        "status": SessionStatus.COMPLETED,
        "starts_at": world.now - timedelta(hours=2),
        "next_step_at": None,
    }
    async with world.db.begin() as session:
        return await builders.a_session(session, guild_id=world.guild.id, reserved=False, **values | changed)


async def asked(world: Academy, about: CoachingSession) -> Any:
    """Return the direct message that asks for a review."""
    async with world.db.begin() as session:
        outbox.enqueue(
            session,
            NotificationKind.REVIEW_REQUEST,
            about.guild_id,
            now=world.now,
            user_id=about.student_id,
            session_id=about.id,
        )
    await simcord_private.as_the_bot(world.env, cast("CoachBot", world.env.bot).wake)
    people = (world.student, world.other_student, world.outsider)
    [student] = [one for one in people if one.id == about.student_id]
    return student.user.dm_channel.last_message


async def reviewed(world: Academy, stars: int, sentence: str = "", **changed: Any) -> CoachingSession:
    """Return a finished session with a review, by the use cases behind the presses."""
    made = await took_place(world, **changed)
    actor = Actor(made.student_id)
    async with world.db.begin() as session:
        await reviews.review(session, made.id, actor, stars, world.now)
        await reviews.comment(session, made.id, actor, sentence, world.now)
    return made


async def hidden(world: Academy, about: CoachingSession) -> None:
    """Let an admin hide the review."""
    ada = Actor(world.admin.id, is_admin=True)
    await transact(world.db, reviews.hide, about.id, ada, about.guild_id, world.now)


async def stored_reviews(world: Academy) -> list[tuple[int, str | None]]:
    """Return every review's stars and comment, oldest session first."""
    found = await fetch_all(world.db, select(Review).order_by(Review.session_id))
    return [(one.stars, one.comment) for one in found]
