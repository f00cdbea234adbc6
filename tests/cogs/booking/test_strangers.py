"""A stranger presses what only two people should see."""

from typing import Any

from models import CoachingSession, SessionStatus
from tests.cogs.booking.people import BUTTON, Visitor, components
from tests.support.meetings import NO_ACCESS
from tests.support.simulated import Academy, reply, words


def ids_on(message: Any) -> list[str]:
    """Return the `custom_id` of every button on a message, except links."""
    return [one["custom_id"] for one in components(message, BUTTON) if "custom_id" in one]


async def everything_pressable(world: Academy) -> list[str]:
    """Return the `custom_id`s of everything the student and coach of one session get to see."""
    stu = await Visitor(world, world.student).slash("book")
    found = ids_on(stu.panel)
    for label in ("Book", "14:00", "Confirm", "Reschedule…", "15:30"):
        await stu.press(label)
        found += ids_on(stu.panel)
    for person in (world.student, world.coach):
        found += ids_on((await Visitor(world, person).slash("sessions")).panel)
        found += [one for message in person.user.dm_channel.history() for one in ids_on(message)]
    return list(dict.fromkeys(found))


async def test_a_stranger_who_presses_everything_learns_and_changes_nothing(world: Academy) -> None:
    custom_ids = await everything_pressable(world)
    [before] = await world.sessions()
    told = [len(world.dms(person)) for person in (world.student, world.coach)]

    for custom_id in custom_ids:
        answer = await world.press_custom_id(world.outsider, custom_id)

        said = words(reply(answer)) if reply(answer) else str(answer.modal)
        assert before.code not in said
        assert world.student.mention not in said
        if custom_id.split(":")[0] in ("session", "move") and "list" not in custom_id:
            assert said == NO_ACCESS
            assert not reply(answer).attachments

    assert {one.split(":")[0] for one in custom_ids} == {"book", "session", "move", "review", "wait"}
    assert len(custom_ids) > 15
    [after] = [one for one in await world.sessions() if one.id == before.id]
    assert (after.status, after.starts_at, after.revision) == (SessionStatus.SCHEDULED, before.starts_at, 0)
    assert [len(world.dms(person)) for person in (world.student, world.coach)] == told
    assert await world.count(CoachingSession) == 1


async def test_calendar_files_are_for_the_two_people_and_admins(world: Academy) -> None:
    booked = await world.book(world.student, "14:00")

    for custom_id in (f"session:calendar:{booked.id}", f"session:calendar:{booked.id + 1}"):
        answer = reply(await world.press_custom_id(world.other_student, custom_id))
        assert words(answer) == NO_ACCESS
        assert not answer.attachments
    answer = await world.press_custom_id(world.admin, f"session:calendar:{booked.id}")

    assert [one.filename for one in reply(answer).attachments] == [f"session-{booked.code}.ics"]


async def test_nobody_lists_the_sessions_of_others(world: Academy) -> None:
    booked = await world.book(world.student, "14:00", notes="Secret plans")

    for person in (world.other_student, world.admin, world.outsider):
        for page in range(2):
            said = words(reply(await world.press_custom_id(person, f"session:list:{page}")))

            assert booked.code not in said
            assert "Secret" not in said
