"""The panel's picture of the week, and its description."""

from tests.support.simulated import Academy, reply, words
from tests.support.steps import alt_text, another_coach, fill, picture, press, week


async def test_the_panel_shows_a_picture_of_the_week(world: Academy) -> None:
    panel = await week(world)

    drawn = await picture(panel)
    assert (drawn.format, drawn.width) == ("PNG", 1080)
    assert panel.attachments[0].filename == "week.png"


async def test_the_picture_changes_with_the_hours_and_the_chosen_days_and_only_then(world: Academy) -> None:
    panel = reply(await world.coach.select(await week(world), ["0"]))
    seen = [await pixels(panel)]

    for label in ("Clear Mon", "Undo"):
        panel = await press(world.coach, panel, label)
        seen.append(await pixels(panel))
    panel = reply(await world.coach.select(panel, ["1"]))
    seen.append(await pixels(panel))

    assert seen[0] == seen[2] != seen[1]
    assert seen[3] not in seen[:3]


async def test_the_chosen_days_are_framed_also_in_another_week(world: Academy) -> None:
    panel = reply(await world.coach.select(await week(world), ["1", "5"]))
    this_week = await framed(panel)

    next_week = await framed(await press(world.coach, panel, "▶"))

    assert this_week == next_week == [1, 5]


async def test_hours_are_grey_while_bookings_are_paused(world: Academy) -> None:
    panel = await press(world.coach, await week(world), "Pause bookings")

    assert alt_text(panel)["Tue 3 Mar"] == "09:00-12:00 paused, 13:30-17:00 paused"
    panel = await press(world.coach, panel, "Resume bookings")
    assert alt_text(panel)["Tue 3 Mar"] == "09:00-12:00 free, 13:30-17:00 free"


async def test_the_description_says_what_is_free_off_or_a_session(world: Academy) -> None:
    await world.book(world.student, "14:00")

    panel = await fill(world.coach, await week(world), "Days off…", {"From": "thu", "Reason": "Dentist"})

    assert alt_text(panel) == {
        "Mon 2 Mar": "09:00-12:00 free, 13:30-17:00 free, 14:00-15:00 your session (14:00)",
        "Tue 3 Mar": "09:00-12:00 free, 13:30-17:00 free",
        "Wed 4 Mar": "09:00-12:00 free, 13:30-17:00 free",
        "Thu 5 Mar": "day off (Dentist)",
        "Fri 6 Mar": "09:00-12:00 free, 13:30-17:00 free",
        "Sat 7 Mar": "no hours",
        "Sun 8 Mar": "no hours",
    }


async def test_only_the_coachs_own_sessions_are_shown_also_as_a_student(world: Academy) -> None:
    await another_coach(world, world.outsider)
    for person, label in ((world.coach, "13:00"), (world.student, "14:30")):
        panel = reply(await person.slash(world.lobby, "book", coach=str(world.outsider.id)))
        await press(person, await press(person, panel, label), "Confirm")

    said = alt_text(await week(world))

    assert said["Mon 2 Mar"] == "09:00-12:00 free, 13:30-17:00 free, 13:00-14:00 your session (Olaf)"


async def test_a_cancelled_session_leaves_the_picture(world: Academy) -> None:
    await world.book(world.student, "14:00")
    before = alt_text(await week(world))

    form = await world.student.user.click(world.student.user.dm_channel.last_message, label="Cancel…")
    await world.student.user.submit_modal(form, {})

    assert "your session" in before["Mon 2 Mar"]
    assert "your session" not in alt_text(await week(world))["Mon 2 Mar"]


async def test_only_the_panel_has_the_picture(world: Academy) -> None:
    panel = await fill(world.coach, await week(world), "Days off…", {"From": "thu"})

    for label in ("Rules", "Dates (1)"):
        opened = await press(world.coach, panel, label)
        assert opened.attachments == [], label
        panel = await press(world.coach, opened, "◀ Back")
        assert len(panel.attachments) == 1, label
    question = await fill(world.coach, panel, "Zone…", {"City or time zone": "Lisbon"})

    assert question.attachments == []
    assert len((await press(world.coach, question, "◀ Back")).attachments) == 1


async def test_open_hours_are_those_of_the_shown_week(world: Academy) -> None:
    await world.coach.slash(world.lobby, "availability", days="Tue-Fri", hours="closed")

    panel = await week(world)
    this_week = words(panel)
    next_week = words(await press(world.coach, panel, "▶"))

    # Monday is open from 9 to 12 and from 13:30 to 17. Today's first two hours are too short notice.
    assert "**4.5 h open** this week. " in this_week
    assert "**6.5 h open**. " in next_week


async def framed(panel: object) -> list[int]:
    """Return which of the seven columns have a white frame."""
    drawn = (await picture(panel)).convert("RGBA")
    return [day for day in range(7) if drawn.getpixel((114 + day * 135 + 67, 18)) == (242, 243, 245, 255)]


async def pixels(panel: object) -> bytes:
    return (await picture(panel)).convert("RGBA").tobytes()
