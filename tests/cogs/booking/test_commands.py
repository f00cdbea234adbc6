"""`/book`, from the press to what people read."""

import datetime as dt

from cogs.booking.panels import currency_number
from tests.support.presses import press_together
from tests.support.simulated import Academy, reply, words

USD = currency_number("USD")


async def test_with_no_coach_the_list_says_how_to_become_one(world: Academy) -> None:
    answer = await world.student.slash(world.lobby, "book")

    assert "No coach to book yet" in words(reply(answer))
    assert "/coach apply" in words(reply(answer))


async def test_given_a_coach_it_takes_two_presses_on_the_first_free_day(open_world: Academy) -> None:
    world = open_world

    panel = reply(await world.student.slash(world.lobby, "book", coach=str(world.coach.id)))
    panel = reply(await world.student.click(panel, label="13:30"))
    panel = reply(await world.student.click(panel, label="Confirm"))

    assert "Booked ✅" in words(panel)
    [booked] = await world.sessions()
    assert booked.notes is None


async def test_a_coach_is_found_by_suggestion_mention_or_name(open_world: Academy) -> None:
    world = open_world

    suggested = await world.student.autocomplete(world.lobby, "book", "coach", "car")

    assert [(one["name"], one["value"]) for one in suggested] == [("Cara", str(world.coach.id))]
    for typed in (str(world.coach.id), world.coach.mention, "cara", "@Cara"):
        answer = await world.student.slash(world.lobby, "book", coach=typed)
        assert f"Book {world.coach.mention}" in words(reply(answer))
    answer = await world.student.slash(world.lobby, "book", coach="Zoe")
    assert 'No coach is called "Zoe".' in words(reply(answer))


async def test_only_free_times_are_offered(open_world: Academy) -> None:
    world = open_world
    await world.book(world.other_student, "14:00")

    panel = reply(await world.student.slash(world.lobby, "book", coach=str(world.coach.id)))

    labels = [line for line in words(panel).splitlines() if line[:2].isdigit() and line[2:3] == ":"]
    # 60 minutes within 9–12 and 13:30–17, not sooner than two hours from 9:00, and nothing that meets 14–15.
    assert labels == ["11:00", "15:00", "15:30", "16:00"]


async def test_a_double_click_on_confirm_books_once(open_world: Academy) -> None:
    world = open_world
    panel = await world.about_to_confirm(world.student, "14:00")

    answers = await press_together(world, [(world.student, panel)] * 2, label="Confirm")

    assert ["Booked" in words(reply(answer)) for answer in answers] == [True, True]
    assert len(await world.sessions()) == 1
    assert sum("Your session is booked" in said for said in world.dms(world.student)) == 1


async def test_notes_stay_on_the_panel_until_they_are_booked(open_world: Academy) -> None:
    world = open_world
    panel = await world.about_to_confirm(world.student, "14:00", notes="**Loud** drums\n@everyone")
    assert "**Notes for your coach**\n**Loud** drums\n@everyone" in words(panel)

    form = await world.student.click(panel, label="Change notes…")
    assert form.modal is not None
    assert form.modal["components"][0]["component"]["value"] == "**Loud** drums\n@everyone"
    panel = reply(await world.student.submit_modal(form, {"Notes for your coach": "Quiet drums"}))
    await world.student.click(panel, label="Confirm")

    [booked] = await world.sessions()
    assert booked.notes == "Quiet drums"
    assert "Quiet drums" in world.dms(world.coach)[-1]


async def test_a_dismissed_form_leaves_a_working_panel(open_world: Academy) -> None:
    world = open_world
    panel = await world.about_to_confirm(world.student, "14:00")

    await world.student.click(panel, label="Add notes…")
    answer = await world.student.click(panel, label="Confirm")

    assert "Booked" in words(reply(answer))


async def test_a_time_button_that_is_pressed_too_late_is_refused(open_world: Academy) -> None:
    world = open_world
    panel = await world.about_to_confirm(world.student, "11:00")
    await world.leap_to(dt.datetime(2026, 3, 2, 10, 30, tzinfo=dt.UTC))

    answer = await world.student.click(panel, label="Confirm")

    assert words(reply(answer)) == "That time is in the past. Choose a later one."
    assert await world.sessions() == []


async def test_coaches_cannot_book_themselves_and_do_not_see_themselves_listed(open_world: Academy) -> None:
    world = open_world

    listed = await world.coach.slash(world.lobby, "book")
    suggested = await world.coach.autocomplete(world.lobby, "book", "coach", "")
    asked = await world.coach.slash(world.lobby, "book", coach=str(world.coach.id))
    pressed = await world.press_custom_id(world.coach, f"book:confirm:{world.coach.id}:60:29540730:6000:{USD}")

    assert "No coach to book yet" in words(reply(listed))
    assert suggested == []
    for answer in (asked, pressed):
        assert words(reply(answer)) == "You can't book yourself. Choose another coach."


async def test_somebody_who_is_no_coach_cannot_be_booked(open_world: Academy) -> None:
    world = open_world
    await world.apply(world.outsider)

    applicant = await world.student.slash(world.lobby, "book", coach=str(world.outsider.id))
    nobody = await world.student.slash(world.lobby, "book", coach=str(world.student.id))

    assert words(reply(applicant)) == words(reply(nobody))
    assert "There's no such coach here." in words(reply(nobody))


async def test_a_day_with_many_times_pages_them(world: Academy) -> None:
    await world.open_for_booking()
    await world.coach.slash(world.lobby, "availability", days="Tue", hours="24h")
    panel = reply(await world.student.slash(world.lobby, "book", coach=str(world.coach.id)))
    tuesday = str(dt.date(2026, 3, 3).toordinal())

    panel = reply(await world.student.select(panel, [tuesday], custom_id=f"book:day:{world.coach.id}:60:0"))
    shown = words(panel).splitlines()
    panel = reply(await world.student.click(panel, label="Other times that day"))

    assert "09:30" in shown
    assert "10:00" not in shown
    assert "10:00" in words(panel).splitlines()
    assert "Tuesday, 3 March" in words(panel)
