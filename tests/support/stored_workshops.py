"""A workshop and its participants, stored directly."""

from collections.abc import Collection
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Participant, ParticipantStatus, Reservation, Seat, Workshop
from tests.support.builders import GUILD, MONDAY, STUDENT, a_session

ANN, BEN, CLEO = STUDENT, STUDENT + 1, STUDENT + 2
"""Participants."""


async def a_workshop(
    session: AsyncSession, *user_ids: int, left: Collection[int] = (), seats: int = 12, **changed: Any
) -> CoachingSession:
    """Store a workshop of `COACH` in which these people have a seat, and whom of them have `left` it again."""
    row = await a_session(session, student_id=(user_ids or (ANN,))[0], is_workshop=True, reserved=False, **changed)
    if not user_ids:
        row.participants.clear()
        await session.delete(await session.get_one(Participant, (row.id, ANN)))
    for user_id in user_ids[1:]:
        row.participants.append(
            Participant(
                user_id=user_id,
                guild_id=GUILD,
                coach_id=row.coach_id,
                starts_at=row.starts_at,
                status=ParticipantStatus.BOOKED,
                joined_at=MONDAY,
                total_cost_minor=2500,
            )
        )
    for one in row.participants:
        one.total_cost_minor = 2500
        if one.user_id in left:
            one.status, one.cancelled_late = ParticipantStatus.LEFT, False
    session.add(
        Workshop(
            session_id=row.id,
            guild_id=GUILD,
            title="Mixing drums",
            description="Bring a song.",
            seats=seats,
            price_minor=2500,
            created_by=row.coach_id,
        )
    )
    taken = [user_id for user_id in user_ids if user_id not in left]
    session.add_all(
        Seat(session_id=row.id, user_id=user_id) for user_id in [*taken, *[None] * (seats - len(taken))]
    )
    session.add_all(
        Reservation(user_id=user_id, starts_at=row.starts_at, ends_at=row.ends_at, session_id=row.id)
        for user_id in (row.coach_id, *taken)
    )
    await session.flush()
    return row
