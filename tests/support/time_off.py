"""Closures, coaches who are away, and substitutes for tests."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Absence, Closure, CoachSpecialty, Notification, NotificationKind, Specialty, Substitution
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.time_off import absences, answers, decisions, questions
from scheduler.time_off.absences import Away
from scheduler.time_off.summaries import Summary, read
from tests.support.bookings import CARA, STU, book
from tests.support.builders import COACH, GUILD, MONDAY, a_coach, a_server_with_a_coach
from tests.support.simulated import Academy
from tests.support.stored import notifications
from tests.support.transactions import fetch_all, query, transact
from tests.support.waiting_list import WEDNESDAY_TEN

WEDNESDAY, FRIDAY = date(2026, 3, 4), date(2026, 3, 6)
SAM = COACH + 1
"""Another coach, who also mixes."""
SAMS = Actor(SAM)


async def a_closure(session: AsyncSession, first: date, last: date | None = None, **changed: Any) -> Closure:
    """Store days on which the server is closed: one day, unless there's a last one."""
    values: dict[str, Any] = {"guild_id": GUILD, "name": "Closed", "created_at": MONDAY}
    made = Closure(first=first, last=last or first, **values | changed)
    session.add(made)
    await session.flush()
    return made


async def two_coaches(db: Database, *, guild: Any = None, substitute: Any = None, **coach: Any) -> None:
    """Store a server with Cara and Sam, who both teach mixing. `guild` and `substitute` map columns to values."""
    await a_server_with_a_coach(db, guild=guild, **coach)
    await also_sam(db, **substitute or {})


async def also_sam(db: Database, **coach: Any) -> None:
    """Store Sam in the server that has Cara, who both teach mixing."""
    async with db.begin() as session:
        await a_coach(session, **{"user_id": SAM, "display_name": "Sam"} | coach)
        mixing = await session.scalar(select(Specialty.id).where(Specialty.name == "Mixing"))
        session.add_all(CoachSpecialty(guild_id=GUILD, coach_id=one, specialty_id=mixing) for one in (COACH, SAM))


async def away(
    db: Database,
    first: date = WEDNESDAY,
    last: date | None = None,
    *,
    reason: str = "I'm at sea.",
    now: datetime = MONDAY,
    actor: Actor = CARA,
) -> Absence:
    """Let Cara be away, on one day unless there's a last one."""
    return await transact(db, absences.go_away, GUILD, actor, first, last or first, reason, now)


async def left_of(db: Database, absence: Absence, now: datetime = MONDAY) -> Away:
    """Return what Cara still has to decide about."""
    return await query(db, decisions.look, absence.id, GUILD, CARA, now)


async def ask(
    db: Database, absence: Absence, session_id: int, now: datetime = MONDAY, *, substitute_id: int = SAM
) -> Substitution:
    """Let Cara ask Sam to take a session over."""
    return await transact(db, questions.ask, absence.id, session_id, substitute_id, GUILD, CARA, now)


async def summaries_to(db: Database, user_id: int) -> list[Summary]:
    """Return the summaries for this person, sent or not, oldest first."""
    theirs = Notification.user_id == user_id, Notification.absence_id.is_not(None)
    found = await fetch_all(db, select(Notification).where(*theirs).order_by(Notification.id))
    return [one for message in found if (one := await query(db, read, message)) is not None]


async def outcomes_to(db: Database, user_id: int) -> list[list[tuple[int, str]]]:
    """Return what each summary for this person says became of which session."""
    return [
        [(line.session.id, line.outcome.value) for line in one.lines] for one in await summaries_to(db, user_id)
    ]


async def a_colleague(world: Academy, person: Any) -> None:
    """Let this person coach in the academy what Cara teaches, on weekdays from 9 to 17."""
    async with world.db.begin() as session:
        theirs = {"guild_id": world.guild.id, "user_id": person.id, "display_name": "Sam"}
        await a_coach(session, **theirs)
        of_cara = CoachSpecialty.coach_id == world.coach.id
        for specialty_id in await session.scalars(select(CoachSpecialty.specialty_id).where(of_cara)):
            session.add(CoachSpecialty(guild_id=world.guild.id, coach_id=person.id, specialty_id=specialty_id))


async def taken_over(db: Database, absence: Absence, session_id: int, student: Actor, now: datetime) -> None:
    """Let Sam take a session over, with the student's consent."""
    question = await ask(db, absence, session_id, now)
    for actor in (SAMS, student):
        await transact(db, answers.accept, question.id, actor, now)


async def asked(db: Database, starts_at: datetime = WEDNESDAY_TEN, **coaches: Any) -> Substitution:
    """Store an hour of Cara and Stu, and let her be away and ask Sam to take it over."""
    await two_coaches(db, **coaches)
    booked = await transact(db, book, STU, starts_at, notes="The bridge.")
    absence = await away(db, starts_at.date())
    return await ask(db, absence, booked.id)


async def accept(db: Database, question: Substitution, actor: Actor, now: datetime = MONDAY) -> Substitution:
    return await transact(db, answers.accept, question.id, actor, now)


async def sent_to(db: Database, user_id: int, kind: NotificationKind) -> list[Notification]:
    return await notifications(db, Notification.user_id == user_id, Notification.kind == kind)
