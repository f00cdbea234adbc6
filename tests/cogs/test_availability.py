"""`/availability`, from the press to what people read."""

import pytest

from models import AvailabilityRule
from tests.simulated import Academy, reply, words


async def coach_without_hours(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)
    await world.admin.click(world.card, label="Approve")


async def test_a_new_coach_is_told_what_to_do_first(world: Academy) -> None:
    await coach_without_hours(world)

    panel = reply(await world.coach.slash(world.lobby, "availability"))

    assert "You have no hours yet: pick days, then press a preset or type your hours." in words(panel)
    assert "Europe/Berlin" in words(panel)


async def test_presets_add_up_on_the_days_that_are_picked(world: Academy) -> None:
    await coach_without_hours(world)
    panel = reply(await world.coach.slash(world.lobby, "availability"))

    panel = reply(await world.coach.select(panel, ["1", "3"]))
    panel = reply(await world.coach.click(panel, label="Morning 08:00–12:00"))
    panel = reply(await world.coach.click(panel, label="Evening 17:00–21:00"))

    shown = words(panel)
    assert "Mon  closed" in shown
    assert "Tue  08:00–12:00, 17:00–21:00" in shown
    assert "Thu  08:00–12:00, 17:00–21:00" in shown


async def test_typed_hours_replace_what_a_day_had_and_are_echoed(world: Academy) -> None:
    await world.open_for_booking()
    panel = reply(await world.coach.slash(world.lobby, "availability"))

    form = await world.coach.click(panel, label="Type hours…")
    panel = reply(await world.coach.submit_modal(form, {"Days": "Sat, Mon", "Hours": "9am to noon, 1-5pm"}))
    assert 'I cannot read "9am to noon" as hours.' in words(panel)
    form = await world.coach.click(panel, label="Fix it")
    answer = await world.coach.submit_modal(form, {"Days": "Sat, Mon", "Hours": "9am to 12pm, 1-5pm"})

    shown = words(reply(answer))
    assert "✅ Set Mon, Sat: 09:00–12:00, 13:00–17:00" in shown
    assert "Mon  09:00–12:00, 13:00–17:00" in shown
    assert "Tue  09:00–12:00, 13:30–17:00" in shown


async def test_clearing_takes_the_picked_days_off(world: Academy) -> None:
    await world.open_for_booking()
    panel = reply(await world.coach.slash(world.lobby, "availability"))

    panel = reply(await world.coach.select(panel, ["0"]))
    panel = reply(await world.coach.click(panel, label="Clear Mon"))

    assert "Mon  closed" in words(panel)
    assert "Tue  09:00–12:00, 13:30–17:00" in words(panel)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"days": "Mon-Fri", "hours": "soon"}, 'I cannot read "soon" as hours.'),
        ({"days": "Mon-Fri", "hours": "17-9"}, '"17-9" ends before it starts.'),
        ({"days": "someday", "hours": "9-12"}, 'I cannot read "someday" as days.'),
        ({"days": "Mon-Fri", "hours": "9-25"}, '"25" is no time of day.'),
        ({"days": "Mon-Fri"}, "Give both days and hours"),
    ],
)
async def test_hours_that_cannot_be_read_are_refused_and_the_old_ones_stay(
    world: Academy, options: dict[str, str], sentence: str
) -> None:
    await world.open_for_booking()
    before = await world.count(AvailabilityRule)

    answer = await world.coach.slash(world.lobby, "availability", **options)

    assert sentence in words(reply(answer))
    assert await world.count(AvailabilityRule) == before == 10


async def test_only_coaches_have_hours(world: Academy) -> None:
    await world.set_up()
    stranger = await world.student.slash(world.lobby, "availability")
    await world.apply(world.coach)
    applicant = await world.coach.slash(world.lobby, "availability", days="Mon", hours="9-12")

    assert "There is no such coach here." in words(reply(stranger))
    assert "has not been approved yet" in words(reply(applicant))
    assert await world.count(AvailabilityRule) == 0
