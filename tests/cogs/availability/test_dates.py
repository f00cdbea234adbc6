"""Days off, other hours and extra hours on single dates."""

import datetime as dt
from typing import Any

import pytest

from models import DateOverride
from tests.support.simulated import Academy, reply, words
from tests.support.steps import alt_text, fill, form, held, labels, press, rows, send, times, week

OFFICE = "09:00-12:00 free, 13:30-17:00 free"
MANY = ",".join(f"{hour}:{minute}-{hour}:{minute + 9}" for hour in range(20) for minute in (10, 40))
"""As many hours as someone can type to cause trouble."""


async def off(world: Academy, **typed: str) -> str:
    """Enter days off on a new panel, and return its words."""
    names = {"first": "From", "last": "To", "instead": "Hours instead", "reason": "Reason"}
    panel = await fill(world.coach, await week(world), "Days off…", {names[key]: typed[key] for key in typed})
    return words(panel)


async def test_days_off_are_shown_in_the_week_they_begin(world: Academy) -> None:
    typed = {"From": "23 Dec", "To": "2027-01-06", "Reason": "Family"}
    panel = await fill(world.coach, await week(world), "Days off…", typed)

    assert "✅ Off Wednesday, 23 December 2026 – Wednesday, 6 January 2027 (Family)." in words(panel)
    assert "Monday, 21 December 2026 – Sunday, 27 December 2026" in words(panel)
    said = alt_text(panel)
    assert said["Tue 22 Dec"] == OFFICE
    assert said["Wed 23 Dec"] == said["Sun 27 Dec"] == "day off (Family)"
    assert await world.count(DateOverride) == 15


async def test_dates_are_typed_as_people_write_them(world: Academy) -> None:
    for first, last, said in (
        ("today", "", "Monday, 2 March 2026"),
        ("in two weeks", "", "Monday, 16 March 2026"),
        ("24 Dec 2027", "06.01.", "Friday, 24 December 2027 – Thursday, 6 January 2028"),
    ):
        assert f"✅ Off {said}." in await off(world, first=first, last=last)


async def test_other_hours_replace_the_weekly_ones(world: Academy) -> None:
    typed = {"From": "tue", "To": "wed", "Hours instead": "18-20"}
    panel = await fill(world.coach, await week(world), "Days off…", typed)

    said = alt_text(panel)
    assert "✅ 18:00–20:00 on Tuesday, 3 March 2026 – Wednesday, 4 March 2026." in words(panel)
    assert said["Tue 3 Mar"] == said["Wed 4 Mar"] == "18:00-20:00 free"
    assert said["Thu 5 Mar"] == OFFICE
    offered = reply(await world.student.slash(world.lobby, "book", coach=str(world.coach.id)))
    offered = reply(
        await world.student.select(
            offered, [str(dt.date(2026, 3, 3).toordinal())], custom_id=f"book:day:{world.coach.id}:60:0"
        )
    )
    assert times(offered) == ["18:00", "18:30", "19:00"]


async def test_the_last_change_to_a_date_counts(world: Academy) -> None:
    await off(world, first="tue", last="thu", reason="Ill")

    panel = await fill(world.coach, await week(world), "Days off…", {"From": "wed", "Hours instead": "10-11"})

    said = alt_text(panel)
    assert said["Tue 3 Mar"] == said["Thu 5 Mar"] == "day off (Ill)"
    assert said["Wed 4 Mar"] == "10:00-11:00 free"


REFUSED = [
    ({"first": "2026-03-01"}, ("Sunday, 1 March 2026 is in the past.", "Type an upcoming date")),
    (
        {"first": "24 Dec", "last": "20 Dec"},
        ("Sunday, 20 December 2026 is before Thursday, 24 December 2026.", "Swap the two dates."),
    ),
    ({"first": "some day"}, ('I can\'t read "some day" as a date.', "Type one like")),
    ({"first": "31 Feb"}, ('There\'s no date "31 feb".', "Type one that exists")),
    ({"first": "03/04"}, ("Type",)),
    ({"first": "tue", "instead": "noon"}, ('I can\'t read "noon" as hours.', "Type them like")),
    ({"first": "today", "last": "2029-03-02"}, ("You can change up to 366 at once", "pause bookings")),
    ({"first": "2040-01-01"}, ("is too far away.", "Type a date from")),
]


async def test_impossible_dates_are_refused_with_what_to_do(world: Academy) -> None:
    before = await rows(world)

    for typed, sentences in REFUSED:
        said = await off(world, **typed)
        assert all(sentence in said for sentence in sentences), said
        assert "Fix it" in said

    assert await rows(world) == before


async def test_all_problems_of_a_form_are_reported_at_once(world: Academy) -> None:
    typed = {"From": "some day", "To": "31 Feb", "Hours instead": "noon"}

    refusal = words(await fill(world.coach, await week(world), "Days off…", typed))
    extra = words(await fill(world.coach, await week(world), "Extra hours…", {"Date": "no day", "Hours": "noon"}))

    assert '⚠️ **From:** I can\'t read "some day" as a date.' in refusal
    assert '\n**To:** There\'s no date "31 feb".' in refusal
    assert '\n**Hours instead:** I can\'t read "noon" as hours.' in refusal
    assert '**Date:** I can\'t read "no day"' in extra
    assert '\n**Hours:** I can\'t read "noon"' in extra


async def test_dates_in_the_wrong_order_are_reported_with_other_problems(world: Academy) -> None:
    typed = {"From": "24 Dec", "To": "20 Dec", "Hours instead": "noon"}

    refusal = words(await fill(world.coach, await week(world), "Days off…", typed))

    assert "**To:** Sunday, 20 December 2026 is before Thursday, 24 December 2026." in refusal
    assert "**Hours instead:** I can't read" in refusal


async def test_a_refused_form_keeps_what_was_typed(world: Academy) -> None:
    typed = {"From": "24 Dec", "To": "20 Dec", "Hours instead": "10-12", "Reason": "*Family*"}

    refusal = await fill(world.coach, await week(world), "Days off…", typed)
    again = await form(world.coach, refusal, "Fix it")
    panel = await send(world.coach, again, {"To": "26 Dec"})

    assert held(again) == typed
    assert "✅ 10:00–12:00 on Thursday, 24 December 2026 – Saturday, 26 December 2026 (\\*Family\\*)." in words(
        panel
    )


async def test_extra_hours_add_to_a_days_hours_even_on_a_day_off(world: Academy) -> None:
    await off(world, first="thu", reason="Moving")
    panel = await week(world)

    for day in ("sat", "tue", "thu"):
        panel = await fill(world.coach, panel, "Extra hours…", {"Date": day, "Hours": "11-13, 19-20"})

    assert "✅ Extra hours on Thursday, 5 March 2026: 11:00–13:00, 19:00–20:00." in words(panel)
    said = alt_text(panel)
    assert said["Sat 7 Mar"] == "11:00-13:00 free, 19:00-20:00 free"
    assert said["Tue 3 Mar"] == "09:00-13:00 free, 13:30-17:00 free, 19:00-20:00 free"
    assert said["Thu 5 Mar"] == "11:00-13:00 free, 19:00-20:00 free"


REFUSED_EXTRA = [
    ({"Date": "sat", "Hours": "closed"}, 'Type the extra hours, like "9-12".'),
    ({"Date": "yesterday", "Hours": "9-12"}, "Sunday, 1 March 2026 is in the past."),
    ({"Date": "sat", "Hours": "12-9"}, '"12-9" ends before it starts.'),
]


async def test_impossible_extra_hours_are_refused(world: Academy) -> None:
    before = await rows(world)

    for typed, sentence in REFUSED_EXTRA:
        refusal = await fill(world.coach, await week(world), "Extra hours…", typed)
        assert sentence in words(refusal)
        assert held(await form(world.coach, refusal, "Fix it")) == typed

    assert await rows(world) == before


async def test_dates_can_be_listed_and_removed(world: Academy) -> None:
    await off(world, first="today", reason="Ill_")
    await off(world, first="24 Dec", last="26 Dec")
    panel = await fill(world.coach, await week(world), "Extra hours…", {"Date": "sat", "Hours": "10-12"})

    listed = await press(world.coach, panel, "Dates (3)")

    assert words(listed).splitlines()[:7] == [
        "### Days off and other hours",
        "**Monday, 2 March 2026**",
        "Day off · Ill\\_",
        "Remove",
        "**Saturday, 7 March 2026**",
        "Extra hours: 10:00–12:00",
        "Remove",
    ]
    december = [one for one in removals(listed) if str(dt.date(2026, 12, 24).toordinal()) in one]
    panel = reply(await world.coach.click(listed, custom_id=december[0]))
    assert "Back to your weekly hours on Thursday, 24 December 2026 – Saturday, 26 December 2026." in words(panel)
    assert alt_text(panel)["Thu 24 Dec"] == OFFICE
    assert "Dates (2)" in words(panel)


async def test_without_dates_there_is_no_list(world: Academy) -> None:
    panel = await week(world)

    answer = await world.press_custom_id(world.coach, "availability:dates:0:0:31")

    assert "Dates (0)" not in labels(panel)
    assert words(reply(answer)).startswith("You have no days off or extra hours. Add some")


@pytest.mark.slow
async def test_a_long_list_of_dates_has_pages(world: Academy) -> None:
    for day in range(3, 24, 2):
        await world.send_custom_id(world.coach, "availability:off:0:31", {"From": f"2026-03-{day:02}"})

    first = await press(world.coach, await week(world), "Dates (11)")
    shown = [removals(first)]
    assert "Page 1 of 2" in words(first)
    second = await press(world.coach, first, "▶")
    shown.append(removals(second))

    assert [len(one) for one in shown] == [8, 3]
    assert len({*shown[0], *shown[1]}) == 11
    back = await press(world.coach, second, "◀")
    assert removals(back) == shown[0]
    assert "### Your hours" in words(await press(world.coach, back, "◀ Back"))


@pytest.mark.slow
async def test_the_longest_dates_fit_a_message(world: Academy) -> None:
    for day in range(3, 20, 2):
        typed = {"From": f"2026-03-{day:02}", "Hours instead": MANY[:200], "Reason": "*" * 98 + str(day)}
        await world.send_custom_id(world.coach, "availability:off:0:31", typed)
        extra = {"Date": f"2026-03-{day:02}", "Hours": MANY[200:]}
        await world.send_custom_id(world.coach, "availability:extra:0:31", extra)

    listed = await press(world.coach, await week(world), "Dates (9)")  # `press` checks Discord's limits

    assert len(removals(listed)) == 8


def removals(message: Any) -> list[str]:
    """Return the `custom_id`s of the buttons that remove dates."""
    return [one["accessory"]["custom_id"] for one in message.components if "accessory" in one]
