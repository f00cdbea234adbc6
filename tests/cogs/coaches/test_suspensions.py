"""`/coach suspend` and `/coach reinstate`, and what coach and students can do then."""

from typing import Any

from models import Coach, CoachStatus, Reservation, SessionStatus
from tests.support.simulated import Academy, reply, words
from tests.support.transactions import fetch


async def suspend(world: Academy, by: Any, **options: Any) -> str:
    """Suspend Cara, and return the answer."""
    about: dict[str, Any] = {"member": world.coach, "reason": "Missed two sessions."}
    return words(reply(await by.slash(world.lobby, "coach suspend", **about | options)))


async def test_a_suspended_coach_loses_role_bookings_and_upcoming_sessions(world: Academy) -> None:
    await world.already_open()
    await world.book(world.student, "11:00")

    answer = await suspend(world, world.admin)

    assert "Suspended." in answer
    assert "1 upcoming session was cancelled" in answer
    assert [one.status for one in await world.sessions()] == [SessionStatus.CANCELLED]
    assert await world.count(Reservation) == 0
    assert not world.has_role(world.coach, world.coach_role)
    assert any("suspended" in text and "Missed two sessions." in text for text in world.dms(world.coach))
    assert "no longer coaches here" in world.dms(world.student)[-1]
    assert "No coach" in words(reply(await world.student.slash(world.lobby, "book")))


async def test_upcoming_sessions_can_be_kept(world: Academy) -> None:
    await world.already_open()
    await world.book(world.student, "11:00")

    answer = await suspend(world, world.admin, upcoming="Keep them")

    assert "0 upcoming sessions were cancelled" in answer
    assert [one.status for one in await world.sessions()] == [SessionStatus.SCHEDULED]


async def test_a_reinstated_coach_gets_hours_and_role_back(world: Academy) -> None:
    await world.already_open()
    await suspend(world, world.admin)

    result = await world.admin.slash(world.lobby, "coach reinstate", member=world.coach)

    assert "Reinstated." in words(reply(result))
    assert world.has_role(world.coach, world.coach_role)
    assert "You can coach again" in world.dms(world.coach)[-1]
    await world.book(world.student, "11:00")


async def test_suspending_twice_says_who_decided(world: Academy) -> None:
    await world.already_open()
    await suspend(world, world.admin)

    answer = await suspend(world, world.admin)

    assert f"This coach was already suspended by <@{world.admin.id}>" in answer


async def test_only_admins_suspend_and_reinstate(world: Academy) -> None:
    await world.already_open()

    answer = await suspend(world, world.student)
    result = await world.coach.slash(world.lobby, "coach reinstate", member=world.coach)

    assert "Only admins" in answer
    assert "Only admins" in words(reply(result))
    assert (await fetch(world.db, Coach, (world.guild.id, world.coach.id))).status is CoachStatus.APPROVED


async def test_only_coaches_can_be_suspended(world: Academy) -> None:
    await world.already_open()

    assert "There's no such coach here" in await suspend(world, world.admin, member=world.student)
