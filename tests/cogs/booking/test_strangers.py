"""Somebody else presses what only two people should see."""

from typing import Any

from models import CoachingSession, SessionStatus
from tests.cogs.booking.panel_limits import every_component
from tests.cogs.booking.people import Visitor
from tests.support.simulated import Academy, reply, words

_BUTTON = 2
_NOT_YOURS = "You have no such session. `/sessions` lists yours."


def ids_on(message: Any) -> list[str]:
    """The `custom_id` of every button of a message."""
    return [one["custom_id"] for one in every_component(message) if one["type"] == _BUTTON]


async def everything_pressable(world: Academy) -> list[str]:
    """The `custom_id`s of all that the student and the coach of one session get to see."""
    stu = Visitor(world, world.student)
    found: list[str] = []
    await stu.slash("book")
    for label in ("Book", "14:00", "Confirm"):
        found += ids_on(stu.panel)
        await stu.press(label)
    found += ids_on(stu.panel)
    await stu.press("Reschedule…")
    found += ids_on(stu.panel)
    await stu.press("15:30")
    found += ids_on(stu.panel)
    for person in (world.student, world.coach):
        found += ids_on((await Visitor(world, person).slash("sessions")).panel)
        found += [one for message in person.user.dm_channel.history() for one in ids_on(message)]
    return list(dict.fromkeys(found))


async def test_a_stranger_who_presses_everything_learns_and_changes_nothing(open_world: Academy) -> None:
    world = open_world
    custom_ids = await everything_pressable(world)
    [before] = await world.sessions()
    told = [len(world.dms(person)) for person in (world.student, world.coach)]

    for custom_id in custom_ids:
        answer = await world.press_custom_id(world.outsider, custom_id)

        said = words(reply(answer)) if reply(answer) else str(answer.modal)
        assert before.code not in said
        assert world.student.mention not in said
        if custom_id.split(":")[0] in ("session", "move") and "list" not in custom_id:
            assert said == _NOT_YOURS
            assert not reply(answer).attachments

    assert {one.split(":")[0] for one in custom_ids} == {"book", "session", "move", "review"}
    assert len(custom_ids) > 15
    [after] = [one for one in await world.sessions() if one.id == before.id]
    assert (after.status, after.starts_at, after.revision) == (SessionStatus.SCHEDULED, before.starts_at, 0)
    assert [len(world.dms(person)) for person in (world.student, world.coach)] == told
    assert await world.count(CoachingSession) == 1


async def test_a_stranger_gets_no_calendar_file_by_direct_message_either(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")

    for custom_id in (f"session:calendar:{booked.id}", f"session:calendar:{booked.id + 1}"):
        answer = await world.press_custom_id(world.other_student, custom_id)

        assert words(reply(answer)) == _NOT_YOURS
        assert not reply(answer).attachments


async def test_nobody_lists_the_sessions_of_others(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00", notes="Secret plans")

    for person in (world.other_student, world.admin, world.outsider):
        for page in range(2):
            answer = await world.press_custom_id(person, f"session:list:{page}")

            assert booked.code not in words(reply(answer))
            assert "Secret" not in words(reply(answer))


async def test_an_admin_takes_the_calendar_file_of_a_session_in_their_server(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")

    answer = await world.press_custom_id(world.admin, f"session:calendar:{booked.id}")

    assert [one.filename for one in reply(answer).attachments] == [f"session-{booked.code}.ics"]
