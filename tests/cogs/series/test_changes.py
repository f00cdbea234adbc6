"""Weekly lessons on the screens of coach and student: each button says what it touches, and does exactly that."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models import CoachingSession, Lesson, SessionStatus, SkipReason
from models.session import Absent
from scheduler.core.clock import stamp
from scheduler.sessions import events
from tests.cogs.booking.people import Visitor
from tests.support.builders import DAY, HOUR, MINUTE, change_session
from tests.support.series import a_series, lessons_of
from tests.support.simulated import SELDOM, Academy, reply, words
from tests.support.steps import held
from tests.support.transactions import fetch, transact

TWO = 14 * 60
"""In Berlin."""
WEEK = timedelta(weeks=1)
FIRST = datetime.fromisoformat("2026-03-03T13:00Z")
"""14:00 in Berlin on a Tuesday, the day after the world begins."""


async def a_pair(world: Academy, **changed: Any) -> int:
    """Let Cara and the student have lessons on Tuesdays at 14:00, from tomorrow on."""
    ids = {"guild_id": world.guild.id, "coach_id": world.coach.id, "student_id": world.student.id}
    values = {"first_day": FIRST.date(), "start_minute": TWO, "time_zone": "Europe/Berlin", "now": world.now}
    return (await transact(world.db, a_series, **values | ids | changed)).id


async def lessons(world: Academy, person: Any) -> Visitor:
    """Show someone their only series."""
    visitor = await Visitor(world, person).slash("series")
    return await visitor.press("Lessons")


async def open_lesson(world: Academy, person: Any, label: str = "10 March…") -> Visitor:
    return await (await lessons(world, person)).press(label)


async def fill(visitor: Visitor, label: str, **typed: Any) -> Visitor:
    """Send the form that this button opens, with `typed` over what it holds."""
    form = await visitor.open_form(label)
    return await visitor.send(form, **(held(form) | typed))


async def told(world: Academy, person: Any) -> str:
    """Return the newest direct message, once it's sent."""
    await world.wait_until(world.now + MINUTE)
    return world.dms(person)[-1]


async def starts(world: Academy, series_id: int) -> list[datetime | None]:
    return [one.starts_at for one in await lessons_of(world.db, series_id) if one.skipped is None]


async def test_series_lists_each_with_its_lessons(open_world: Academy) -> None:
    await a_pair(open_world)

    stu = await Visitor(open_world, open_world.student).slash("series")

    assert "Weekly lessons with Cara" in stu.said
    assert "Every Tuesday at 14:00 in Europe/Berlin" in stu.said
    assert f"Next {stamp(FIRST)}" in stu.said
    await stu.press("Lessons")
    assert stu.buttons == [
        *("3 March…", "10 March…", "17 March…", "24 March…", "31 March…"),
        *("◀ All weekly lessons", "End these lessons…"),
    ]


async def test_an_american_reads_the_hours_as_they_write_them(open_world: Academy) -> None:
    await a_pair(open_world)
    open_world.languages[open_world.student.id] = "en-US"

    stu = await Visitor(open_world, open_world.student).slash("series")

    assert "Every Tuesday at 2:00 PM in Europe/Berlin" in stu.said
    await stu.press("Lessons")
    assert "Every Tuesday at 2:00 PM in Europe/Berlin" in stu.said


async def test_someone_without_lessons_reads_how_to_get_some(open_world: Academy) -> None:
    stu = await Visitor(open_world, open_world.student).slash("series")

    assert "You have none. Choose **Every week**" in stu.said


async def test_sessions_leads_to_weekly_lessons(open_world: Academy) -> None:
    await a_pair(open_world)

    stu = await Visitor(open_world, open_world.student).slash("sessions")
    await stu.press("Weekly lessons: 1", "Lessons", "◀ All weekly lessons", "◀ Sessions")

    assert "Your sessions" in stu.said


@pytest.mark.parametrize(
    ("ends", "label"),
    [({}, "Change 10 March and all after it…"), ({"lesson_count": 9}, "Change 10 March and the 7 after it…")],
)
async def test_every_label_says_what_it_touches(open_world: Academy, ends: dict[str, Any], label: str) -> None:
    await a_pair(open_world, **ends)

    stu = await open_lesson(open_world, open_world.student)

    assert stu.buttons == [
        *("Reschedule only 10 March…", "Skip only 10 March…"),
        *(label, "Pause from 10 March…", "◀ All lessons"),
    ]


async def test_skipping_one_lesson_and_bringing_it_back(open_world: Academy) -> None:
    world = open_world
    series_id = await a_pair(world)
    stu = await open_lesson(world, world.student)

    await fill(stu, "Skip only 10 March…", Reason="Dentist.")

    assert "Only 10 March is skipped." in stu.said
    assert "Your other weekly lessons stay as they are." in stu.said
    assert [one.skipped for one in await lessons_of(world.db, series_id)][1] is SkipReason.BY_HAND
    cara = await told(world, world.coach)
    assert "Session cancelled by your student" in cara
    assert "Your other weekly lessons stay" in cara
    await stu.press("Bring back 10 March")
    assert "10 March takes place again." in stu.said
    assert "This weekly lesson takes place after all" in await told(world, world.coach)
    assert (await starts(world, series_id))[1] == FIRST + WEEK


async def test_the_other_one_cannot_bring_it_back(open_world: Academy) -> None:
    await a_pair(open_world)
    stu = await open_lesson(open_world, open_world.student)
    await fill(stu, "Skip only 10 March…", Reason="")

    cara = await lessons(open_world, open_world.coach)

    assert "Bring back 10 March" not in cara.buttons


async def test_moving_a_lesson_and_all_after_it(open_world: Academy) -> None:
    world = open_world
    series_id = await a_pair(world)
    stu = await open_lesson(world, world.student)

    await fill(stu, "Change 10 March and all after it…", Weekday=["Thursday"], Time="15:00")

    assert "**New** Every Thursday at 15:00 in Europe/Berlin" in stu.said
    assert f"✓ {stamp(FIRST + WEEK + 2 * DAY + HOUR, 'f')}" in stu.said
    assert await starts(world, series_id) == [FIRST + n * WEEK for n in range(4)] + [FIRST + 4 * WEEK - HOUR]
    await fill(stu, "Change 10 March and all after it…", Reason="A new job.")
    assert "✅ Changed." in stu.said
    moved = FIRST + WEEK + 2 * DAY + HOUR
    assert await starts(world, series_id) == [
        FIRST,
        *(moved + n * WEEK for n in range(3)),
        moved + 3 * WEEK - HOUR,
    ]
    for person in (world.student, world.coach):
        said = await told(world, person)
        assert "are at another time" in said
        assert "Every Thursday at 15:00 in Europe/Berlin" in said
    assert "Your student changed this." in world.dms(world.coach)[-1]
    assert "A new job." in world.dms(world.coach)[-1]


async def test_a_coach_sees_which_rules_the_new_hour_breaks(open_world: Academy) -> None:
    world = open_world
    series_id = await a_pair(world)
    cara = await open_lesson(world, world.coach)

    await fill(cara, "Change 10 March and all after it…", Weekday=["Tuesday"], Time="9pm")

    assert "It's outside your hours." in cara.said
    await fill(cara, "Change 10 March and all after it…", Reason="I teach at school now.")
    assert "✅ Changed." in cara.said
    assert (await starts(world, series_id))[1] == FIRST + WEEK + 7 * HOUR


async def test_everything_wrong_with_the_hour_is_said_at_once(open_world: Academy) -> None:
    await a_pair(open_world)
    stu = await open_lesson(open_world, open_world.student)

    await fill(stu, "Change 10 March and all after it…", Time="soon")

    assert "**Time:** I can't read" in stu.said


async def test_pausing(open_world: Academy) -> None:
    world = open_world
    series_id = await a_pair(world)
    stu = await open_lesson(world, world.student)

    await fill(stu, "Pause from 10 March…", **{"How long": ["2 weeks"], "Reason": "Exams."})

    assert f"Paused. They go on {stamp(FIRST + 3 * WEEK)}." in stu.said
    assert await starts(world, series_id) == [FIRST, FIRST + 3 * WEEK, FIRST + 4 * WEEK - HOUR]
    cara = await told(world, world.coach)
    assert "are paused" in cara
    assert "the next lesson is" in cara
    assert "Exams." in cara


async def test_ending(open_world: Academy) -> None:
    world = open_world
    await a_pair(world)
    stu = await lessons(world, world.student)

    form = await stu.open_form("End these lessons…")
    assert "take place: 1. Later ones are cancelled: 4 are booked." in form.modal["components"][0]["content"]
    await stu.send(form, Reason="Moving away.")

    assert "✅ Ended: 4 lessons cancelled." in stu.said
    assert "End these lessons…" not in stu.buttons
    cara = await told(world, world.coach)
    assert f"These still take place: {stamp(FIRST, 'f')}." in cara
    assert "Moving away." in cara


async def test_buttons_of_the_messages_work_in_direct_messages(open_world: Academy) -> None:
    world = open_world
    await a_pair(world)
    stu = await open_lesson(world, world.student)
    await fill(stu, "Pause from 10 March…", Reason="")
    await told(world, world.coach)

    pressed = await world.coach.user.click(world.coach.user.dm_channel.history()[-1], label="All lessons")

    assert "Paused." in words(reply(pressed))


async def test_lessons_of_others_are_not_shown(open_world: Academy) -> None:
    series_id = await a_pair(open_world)

    answer = await open_world.press_custom_id(open_world.other_student, f"series:show:{series_id}:0")

    assert "You have no such weekly lessons." in words(reply(answer))


async def test_admins_can_end_the_lessons_of_others(open_world: Academy) -> None:
    world = open_world
    series_id = await a_pair(world)

    await world.send_custom_id(world.admin, f"series:end:{series_id}", {"Reason": "School's out."})

    assert "An admin changed this." in await told(world, world.student)


async def test_admins_find_weekly_lessons_from_one_of_them(open_world: Academy) -> None:
    world = open_world
    await a_pair(world)
    code = (await world.sessions())[1].code
    admin = Visitor(world, world.admin).take(await world.admin.slash(world.lobby, "coaching session", code=code))

    await admin.press("Weekly lessons")

    assert f"Weekly lessons of <@{world.coach.id}> with <@{world.student.id}>" in admin.said
    await admin.press("10 March…")
    assert admin.buttons[0] == "Skip only 10 March…"


async def test_rescheduling_one_lesson_leaves_the_others_and_says_so(open_world: Academy) -> None:
    world = open_world
    series_id = await a_pair(world)
    stu = await open_lesson(world, world.student)
    await stu.press("Reschedule only 10 March…")

    await stu.press("15:00")
    await fill(stu, "Reschedule…", Reason="")

    assert "Your other weekly lessons stay as they are." in stu.said
    assert "Your other weekly lessons stay as they are." in await told(world, world.coach)
    again = await lessons(world, world.student)
    assert f"Rescheduled from {stamp(FIRST + WEEK, 'f')}" in again.said
    others = [one.starts_at for one in await lessons_of(world.db, series_id) if one.occurrence != 1]
    assert others == [FIRST, *(FIRST + n * WEEK for n in (2, 3)), FIRST + 4 * WEEK - HOUR]


async def test_a_coach_lets_lessons_go_on_after_two_no_shows(open_world: Academy) -> None:
    world = open_world
    series_id = await a_pair(world)
    for number in (0, 1):
        lesson = await fetch(world.db, Lesson, (series_id, number))
        await change_session(world.db, lesson.session_id or 0, status=SessionStatus.NO_SHOW, absent=Absent.STUDENT)
    async with world.db.begin() as session:
        row = await session.get_one(CoachingSession, lesson.session_id)
        await events.settle(session, row, world.now)

    await world.wait_until(world.now + SELDOM)

    said = world.dms(world.coach)[-1]
    assert "missed two of your weekly lessons in a row" in said
    pressed = await world.coach.user.click(world.coach.user.dm_channel.history()[-1], label="They go on")
    assert "The lessons go on as agreed." in words(reply(pressed))


async def test_a_student_reads_a_week_before_that_the_clocks_differ(open_world: Academy) -> None:
    world = open_world
    await world.student.slash(world.lobby, "timezone", place="New York")
    await a_pair(world)

    await world.wait_until(FIRST + MINUTE)

    [said] = [one for one in world.dms(world.student) if "will be at another time for you" in one]
    assert "they're at 09:00 in America/New_York" in said
    assert "For your coach, it's still 14:00 in Europe/Berlin." in said


async def test_a_coach_who_changes_zone_is_asked_whether_lessons_follow(open_world: Academy) -> None:
    world = open_world
    series_id = await a_pair(world)
    cara = await Visitor(world, world.coach).slash("availability")
    await fill(cara, "Zone…", **{"City or time zone": "Lisbon"})
    await cara.press("Keep clock times")
    assert "Should your weekly lessons follow you" in await told(world, world.coach)

    pressed = await world.coach.user.click(world.coach.user.dm_channel.history()[-1], label="Choose")
    cara = Visitor(world, world.coach.user).take(pressed)
    await cara.press("To 14:00 in Europe/Lisbon…")
    assert "**New** Every Tuesday at 14:00 in Europe/Lisbon" in cara.said
    label = next(one for one in cara.buttons if one.startswith("Change "))
    await fill(cara, label, Reason="I've moved.")

    assert (await starts(world, series_id))[0] == FIRST + HOUR
