"""Every way a row can be malformed, on a server where another coach is fine.

The program never writes these; another release, another host or someone by hand may.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import String, Table, literal, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import AvailabilityChange, Coach, DateOverride, Guild, Member, Notification, Participant
from models.base import Base, OpenEnum
from models.storage.database import Database
from tests.support.builders import (
    COACH,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_coach,
    a_date,
    a_guild,
    a_notification,
    a_session,
)

BROKEN = COACH + 1
"""The coach with the broken row."""

LOST_ZONES = ("Mars/Olympus", "", "Europe", "../etc/passwd", "/etc/localtime", "a" * 64)
ODD_LISTS: tuple[Any, ...] = ({}, {"60": True}, "60", 7, [], ["60"], [None], [[60]], [-5], [10**30], [1.5], [True])
ODD_WINDOWS: tuple[Any, ...] = (
    {},
    "9-12",
    5,
    [9, 12],
    [[9]],
    [[9, 12, 15]],
    [["9:00", "12:00"]],
    [[720, 540]],
    [[0, 10**30]],
)
ODD_PRESETS: tuple[Any, ...] = (
    {"Morning": [480, 720]},
    ["Morning"],
    [["Morning", 480]],
    [["Morning", "8:00", "12:00"]],
    [{"name": "Morning", "start": 480, "end": 720}],
    [[7, 480, 720]],
    [["Morning", 720, 480]],
    [["x" * 200, 480, 720]],
    [["", 480, 720]],
)
ODD_RULES: tuple[Any, ...] = (
    [],
    ["60"],
    "60",
    {"session_type": "hologram"},
    {"durations_minutes": None},
    {"durations_minutes": ["60"]},
    {"durations_minutes": []},
    {"slot_step_minutes": "30"},
    {"slot_step_minutes": 0},
    {"horizon_days": None},
    {"gone_since": 3},
)

_COACH = Coach.guild_id == GUILD, Coach.user_id == BROKEN
_OVERRIDE = DateOverride.guild_id == GUILD, DateOverride.coach_id == BROKEN

Column = tuple[type[Base], tuple[Any, ...], str]
"""A table, its primary key, and a column."""

BREAKAGES: Mapping[str, tuple[Column, tuple[Any, ...]]] = {
    f"{column[0].__tablename__}.{column[2]}": (column, values)
    for column, values in (
        ((Coach, _COACH, "time_zone"), LOST_ZONES),
        ((Coach, _COACH, "currency"), ("XQX", "", "€")),
        ((Coach, _COACH, "durations_minutes"), ODD_LISTS),
        ((DateOverride, _OVERRIDE, "windows"), ODD_WINDOWS),
        ((Guild, (Guild.id == GUILD,), "time_zone"), LOST_ZONES),
        ((Guild, (Guild.id == GUILD,), "currency"), ("XQX", "")),
        ((Guild, (Guild.id == GUILD,), "presets"), ODD_PRESETS),
        ((Guild, (Guild.id == GUILD,), "default_policy"), ODD_RULES),
        ((Guild, (Guild.id == GUILD,), "reminder_minutes"), ODD_LISTS),
        ((Member, (), "time_zone"), LOST_ZONES),
        ((Guild, (Guild.id == GUILD,), "access_mode"), ("by_invitation",)),
        ((Guild, (Guild.id == GUILD,), "extension_price"), ("by_vote",)),
        ((Notification, (Notification.user_id == BROKEN,), "kind"), ("of_another_release",)),
        ((Notification, (Notification.user_id == BROKEN,), "route"), ("by_pigeon",)),
        ((Participant, (Participant.coach_id == BROKEN,), "status"), ("asleep",)),
        ((AvailabilityChange, (), "before"), ([], "x", {"rules": 7})),
    )
}


async def break_row(session: AsyncSession, column: Column, value: Any) -> None:
    """Write the value without any validation."""
    table, which, name = column
    core = table.__table__
    assert isinstance(core, Table)
    past = literal(value, String()) if isinstance(core.c[name].type, OpenEnum) else value
    done: Any = await session.execute(update(core).where(*which).values({name: past}))
    assert done.rowcount > 0, "nothing was broken"


async def a_server_with_two_coaches(db: Database, guild_id: int = GUILD) -> None:
    """Store two coaches, each with an upcoming session and a notification to send."""
    async with db.begin() as session:
        await a_guild(session, id=guild_id)
        for user_id, name in ((COACH, "Cara"), (BROKEN, "Bruno")):
            await a_coach(session, guild_id=guild_id, user_id=user_id, display_name=name)
            await a_session(session, guild_id=guild_id, coach_id=user_id, student_id=STUDENT + user_id)
            await a_notification(
                session,
                guild_id=guild_id,
                user_id=user_id,
                coach_id=user_id,
                due_at=MONDAY - HOUR,
                kind="application_approved",
            )
            session.add(
                AvailabilityChange(guild_id=guild_id, coach_id=user_id, number=1, before={"week": [], "dates": []})
            )
        await a_date(session, MONDAY.date(), (540, 720), guild_id=guild_id, coach_id=BROKEN)
        session.add_all(Member(user_id=one) for one in (COACH, BROKEN, STUDENT))
