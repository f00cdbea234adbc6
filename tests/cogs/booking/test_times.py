"""Choosing a time: the picture, the time zone, and panels with very many days and times."""

from datetime import UTC, date, datetime

import pytest

from tests.cogs.availability.test_picture import framed
from tests.cogs.booking.people import SELECT, Visitor, a_coach, change_coach, components
from tests.support.simulated import Academy

CITY = "City or time zone"


async def test_the_picture_shows_taken_hours_but_not_who_took_them(world: Academy) -> None:
    booked = await world.book(world.other_student, "14:00", notes="Secret plans")
    stu = Visitor(world, world.student)

    await stu.book()

    [file] = stu.panel.attachments
    assert file.filename == "week.png"
    assert (await file.read()).startswith(b"\x89PNG\r\n")
    monday = stu.alt_text.split("; ")[0]
    assert monday == "Mon 2 Mar: 11:00-12:00 free, 13:30-14:00 free, 15:00-17:00 free, 14:00-15:00 taken"
    assert stu.times == ["11:00", "15:00", "15:30", "16:00"]  # with 2 hours of notice from 9:00
    for secret in ("sam", str(world.other_student.id), booked.code.lower(), "secret"):
        assert secret not in f"{stu.alt_text} {stu.said}".lower()
    assert "(" not in stu.alt_text  # where a label would be


async def test_the_picture_names_the_students_own_sessions(world: Academy) -> None:
    await world.book(world.student, "14:00")
    other = await a_coach(world, "Dora", hours="10-20")
    stu = await Visitor(world, world.student).book(coach=str(other.id))
    await stu.press("17:30", "Confirm")

    await stu.book()

    assert stu.alt_text.split("; ")[0] == (
        "Mon 2 Mar: 11:00-12:00 free, 13:30-14:00 free, 15:00-17:00 free, "
        "14:00-15:00 your session (Cara), 17:30-18:30 your session (Dora)"
    )


async def test_the_chosen_day_is_framed_in_the_picture(world: Academy) -> None:
    stu = await Visitor(world, world.student).book()
    monday = await framed(stu.panel)

    await stu.choose("book:day:", "Wed 4 Mar")

    assert (monday, await framed(stu.panel)) == ([0], [2])


async def test_the_picture_hides_sessions_outside_the_coachs_hours(world: Academy) -> None:
    await world.book(world.other_student, "16:00")
    await world.coach.slash(world.lobby, "availability", days="Mon", hours="9-12, 13:30-16:30")
    stu = Visitor(world, world.student)

    await stu.book()

    assert stu.alt_text.split("; ")[0] == "Mon 2 Mar: 11:00-12:00 free, 13:30-16:00 free, 16:00-16:30 taken"


async def test_a_coachs_own_bookings_show_only_within_their_hours(world: Academy) -> None:
    other = await a_coach(world, "Dora", hours="10-20")
    await (await Visitor(world, world.coach).book(coach=str(other.id))).press("17:30", "Confirm")
    stu = Visitor(world, world.student)

    await stu.book()

    assert "17:30" not in stu.alt_text
    assert stu.alt_text.startswith("Mon 2 Mar: 11:00-12:00 free, 13:30-17:00 free;")


async def test_the_picture_is_of_the_week_of_the_chosen_day(world: Academy) -> None:
    stu = Visitor(world, world.student)

    await stu.book()
    await stu.choose("book:day:", "Tue 10 Mar")

    assert stu.alt_text.startswith("Mon 9 Mar: 09:00-12:00 free, 13:30-17:00 free; Tue 10 Mar:")


async def test_the_selects_the_heading_and_the_picture_agree_after_every_press(world: Academy) -> None:
    await change_coach(world, horizon_days=60)
    stu = await Visitor(world, world.student).book()
    seen: set[int] = set()

    for step in (
        lambda: stu.choose("book:length:", "90 min"),
        lambda: stu.choose("book:day:", "Wed 11 Mar"),
        lambda: stu.press("Later days"),
        lambda: stu.press("Earlier days"),
        lambda: stu.fill("Change zone…", **{CITY: "Lisbon"}),
        lambda: stu.choose("book:length:", "30 min"),
    ):
        await step()
        ids = {one["id"] for one in components(stu.panel, SELECT)}
        assert len(ids) == 2
        assert not ids & seen, "clients would go on showing what was picked before"
        seen |= ids
        day = stu.chosen("book:day:").partition(" · ")[0]
        [heading] = [line for line in stu.said.splitlines() if " · times in **" in line]
        assert f"{heading[2:5]} {heading.split(', ')[1].partition('*')[0]}"[: len(day)] == day
        assert day in [one.partition(":")[0] for one in stu.alt_text.split("; ")]


async def test_changing_the_zone_keeps_the_choices_and_is_remembered(world: Academy) -> None:
    stu = Visitor(world, world.student)
    await stu.book()
    await stu.choose("book:length:", "90 min")
    await stu.choose("book:day:", "Wed 4 Mar")
    assert stu.times[0] == "09:00"

    await stu.fill("Change zone…", **{CITY: "Tokyo"})

    assert f"Book {world.coach.mention}" in stu.said
    assert "**Wednesday, 4 March** · times in **Asia/Tokyo**" in stu.said
    assert stu.chosen("book:length:").startswith("90 min")
    assert stu.chosen("book:day:").startswith("Wed 4 Mar")
    assert stu.times[0] == "17:00"
    await stu.press("17:00")
    assert "-# Wed 17:00 in Asia/Tokyo · Wed 09:00 in Europe/Berlin, where your coach is" in stu.said
    await stu.press("Confirm")
    [booked] = await world.sessions()
    assert booked.starts_at == datetime(2026, 3, 4, 8, tzinfo=UTC)
    again = Visitor(world, world.student)
    assert "times in **Asia/Tokyo**" in (await again.book()).said


async def test_an_unknown_place_can_be_corrected(world: Academy) -> None:
    stu = Visitor(world, world.student)
    await stu.book()

    await stu.fill("Change zone…", **{CITY: "Xyzzyville"})
    refused = stu.said
    await stu.fill("Fix it", **{CITY: "Lisbon"})

    assert "Xyzzyville" in refused
    assert "times in **Europe/Lisbon**" in stu.said


async def test_other_time_returns_to_the_same_day_and_length(world: Academy) -> None:
    stu = Visitor(world, world.student)
    await stu.book()
    await stu.choose("book:length:", "30 min")
    await stu.choose("book:day:", "Wed 4 Mar")

    await stu.press("09:30", "Other time")

    assert stu.chosen("book:length:").startswith("30 min")
    assert stu.chosen("book:day:").startswith("Wed 4 Mar")
    assert "09:30" in stu.times


@pytest.mark.slow
async def test_the_fullest_panels_keep_within_discords_limits(world: Academy) -> None:
    dora = world.other_student
    await world.choose(payment_instructions="*" * 300, cancel_notice_minutes=720 * 60)
    long = {"About you": "*" * 1000, "What you teach": ["Mixing", "Mastering", "Music production", "Vocals"]}
    await world.apply(dora, **long)
    await world.admin.click(world.card, label="Approve")
    await dora.slash(world.lobby, "availability", days="Mon-Sun", hours="24h")
    await change_coach(world, dora, horizon_days=365, slot_step_minutes=15, durations_minutes=[60, 30, 90])
    stu = Visitor(world, world.student)

    await stu.book(coach=str(dora.id))
    await stu.choose("book:day:", "Tue 3 Mar")
    first = stu.times
    await stu.press("Other times that day")
    second = stu.times
    await stu.press("Later days")
    later = stu.options("book:day:")
    await stu.choose("book:day:", later[-1])
    at = stu.times[0]
    await stu.press(at)
    await stu.fill("Add notes…", **{"Notes for your coach": "`" * 1000})
    await stu.press("Confirm")

    assert (first[0], first[-1], len(first)) == ("00:00", "04:45", 20)
    assert (second[0], len(second)) == ("05:00", 20)
    assert len(later) == 25
    assert later[0].startswith(f"{date(2026, 3, 27):%a} 27 Mar")
    assert "Booked ✅" in stu.said


async def test_every_page_of_days_and_times_can_be_reached(world: Academy) -> None:
    await world.coach.slash(world.lobby, "availability", days="Mon-Sun", hours="0-12")
    await change_coach(world, horizon_days=60, slot_step_minutes=15)
    stu = Visitor(world, world.student)
    await stu.book()

    days, pages = [*stu.options("book:day:")], 1
    while "Later days" in stu.buttons:
        await stu.press("Later days")
        days += stu.options("book:day:")
        pages += 1
    times = [*stu.times]
    for _ in range(2):
        times += (await stu.press("Other times that day")).times

    assert (len(days), len(set(days)), pages) == (61, 61, 3)
    assert len(times) == len(set(times)) == 45  # 00:00, 00:15 … 11:00
    await stu.press("Earlier days", "Earlier days")
    assert stu.options("book:day:") == days[:25]


async def test_a_repeated_hour_is_labelled_with_its_zone(world: Academy) -> None:
    await world.coach.slash(world.lobby, "availability", days="Sun", hours="1-5")
    await change_coach(world, horizon_days=300, slot_step_minutes=60)
    stu = Visitor(world, world.student)
    await stu.book()
    sunday = date(2026, 10, 25).toordinal()

    await stu.take(await world.press_custom_id(world.student, f"book:coach:{world.coach.id}:60:{sunday}:0")).press(
        "02:00 CET"
    )

    assert f"<t:{int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp())}:F>" in stu.said


async def test_with_nothing_free_the_panel_says_so_and_leads_back(world: Academy) -> None:
    idle = await a_coach(world, "Ann")
    stu = Visitor(world, world.student)

    await stu.book(coach=str(idle.id))

    assert "**Nothing is free** in the next 28 days. Try another length, or choose another coach." in stu.said
    await stu.press("◀ All coaches")
    assert "Who would you like to book?" in stu.said
