"""The form that cancels a session."""

from datetime import timedelta

import pytest

from scheduler.core.clock import stamp
from tests.cogs.booking.people import Visitor, much_later
from tests.cogs.sessions.test_commands import DAY, WEDNESDAY, booked, sessions_of
from tests.support.simulated import Academy

LATE = "so this is a **late cancellation**"


async def notice(world: Academy, hours: int) -> None:
    """Set the server's cancellation notice."""
    await world.choose(cancel_notice_minutes=hours * 60)


@pytest.mark.parametrize(
    ("hours", "after", "rule", "is_late"),
    [
        (
            24,
            timedelta(),
            f"You can cancel for free until {stamp(WEDNESDAY - DAY)}.",
            False,
        ),
        (24, timedelta(minutes=1), LATE, True),
        (0, timedelta(), None, False),
    ],
    ids=["in time", "late", "no rule"],
)
async def test_the_form_says_whether_cancelling_is_late(
    open_world: Academy, hours: int, after: timedelta, rule: str | None, is_late: bool
) -> None:
    await notice(open_world, hours)
    await booked(open_world)
    await much_later(open_world, WEDNESDAY - DAY + after)
    stu = await sessions_of(open_world, open_world.student)

    form = await stu.open_form("Cancel…")
    await stu.send(form, Reason="Ill.")

    assert rule in str(form.modal) if rule else "late" not in str(form.modal)
    assert (await open_world.sessions())[0].student.cancelled_late is is_late
    for said in (stu.said, open_world.dms(open_world.coach)[-1]):
        assert ("· cancelled late\n" in said) is is_late
    assert f"· cancelled{' late' if is_late else ''}\n" in (await stu.slash("sessions")).said


@pytest.mark.parametrize("who", ["coach", "admin"])
async def test_only_students_can_be_late(open_world: Academy, who: str) -> None:
    await notice(open_world, 24 * 7)
    one = await booked(open_world)
    person = getattr(open_world, who)

    form = await open_world.press_custom_id(person, f"session:cancel:{one.id}")
    visitor = await Visitor(open_world, person).send(form, Reason="Flood.")

    assert "late cancellation" not in str(form.modal)
    assert "for free" not in str(form.modal)
    assert (await open_world.sessions())[0].student.cancelled_late is False
    assert "cancelled late" not in visitor.said
    assert "cancelled late" not in open_world.dms(open_world.student)[-1]
