"""Bookings when something changes between two presses."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from models import CoachingSession, CoachStatus, Hold, SessionStatus
from tests.cogs.booking.people import Visitor, a_coach, change_coach, much_later
from tests.support.simulated import Academy

NO_COACH = "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."
LEFT = "This coach has left the server. Choose another one with `/book`."
PAUSED = "This coach isn't taking new bookings at the moment. Choose another coach with `/book`."


async def pause(world: Academy) -> None:
    await change_coach(world, accepting=False)


async def suspend(world: Academy) -> None:
    await change_coach(world, status=CoachStatus.SUSPENDED)


async def leave(world: Academy) -> None:
    world.guild.remove_member(world.coach)
    await world.env.settle()


async def close_all_hours(world: Academy) -> None:
    await world.coach.slash(world.lobby, "availability", days="Mon-Fri", hours="off")


async def raise_the_notice(world: Academy) -> None:
    await change_coach(world, minimum_notice_minutes=24 * 60)


HAPPENS: list[tuple[Callable[[Academy], Awaitable[None]], str]] = [
    (pause, PAUSED),
    (suspend, NO_COACH),
    (leave, LEFT),
    (close_all_hours, "⚠️ That time is outside the coach's hours.\nThis coach has nothing else free."),
    (raise_the_notice, "⚠️ That time is too soon: this coach needs 1 day of notice."),
]


@pytest.mark.parametrize("labels", [("14:00",), ("14:00", "Confirm")], ids=["choosing", "confirming"])
@pytest.mark.parametrize(("happens", "sentence"), HAPPENS)
async def test_a_time_is_refused_if_meanwhile_the_coach_did(
    world: Academy, happens: Callable[[Academy], Awaitable[None]], sentence: str, labels: tuple[str, ...]
) -> None:
    stu = await Visitor(world, world.student).book()
    await stu.press(*labels[:-1])
    await happens(world)

    await stu.press(labels[-1])

    assert stu.said.startswith(sentence)
    held = len(labels) - 1 if happens is not leave else 0  # nothing is held for a coach who has left
    assert (await world.count(Hold), await world.count(CoachingSession)) == (held, 0)


async def test_when_hours_change_the_nearest_new_times_are_offered(world: Academy) -> None:
    stu = await Visitor(world, world.student).book()
    await world.coach.slash(world.lobby, "availability", days="Mon", hours="15-18")

    await stu.press("14:00")

    assert stu.said.startswith("⚠️ That time is outside the coach's hours.")
    assert stu.buttons[:3] == ["Mon 2 Mar, 15:00", "Mon 2 Mar, 15:30", "Mon 2 Mar, 16:00"]


async def test_a_coach_who_leaves_is_hidden_within_a_day_and_can_return(world: Academy) -> None:
    stu = Visitor(world, world.student)
    assert world.coach.mention in (await stu.slash("book")).said
    await leave(world)

    await much_later(world, datetime(2026, 3, 3, 9, tzinfo=UTC))
    gone = (await stu.slash("book")).said
    suggested = await world.student.autocomplete(world.lobby, "book", "coach", "")
    world.coach = world.guild.add_member(world.coach.user)
    await much_later(world, datetime(2026, 3, 4, 10, tzinfo=UTC))
    back = (await stu.slash("book")).said

    assert "No coaches to book yet" in gone
    assert suggested == []
    assert world.coach.mention in back
    await stu.press("Book", "15:00", "Confirm")
    assert "Booked ✅" in stu.said


async def test_a_coach_who_left_has_no_free_times(world: Academy) -> None:
    await change_coach(world, left_at=world.now)
    stu = Visitor(world, world.student)

    await stu.book()

    assert stu.said == LEFT


async def test_booking_works_if_discord_cannot_say_whether_the_coach_left(world: Academy) -> None:
    stu = await Visitor(world, world.student).book()
    path = f"/guilds/{world.guild.id}/members/{world.coach.id}"
    world.env.inject_error("GET", path, status=500, times=None)

    await stu.press("14:00", "Confirm")

    assert "Booked ✅" in stu.said


async def test_a_new_rate_does_not_change_a_booked_price(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await change_coach(world, rate_minor=9900)

    stu = await Visitor(world, world.student).slash("sessions")

    assert "60 min · $60.00" in stu.said
    assert (await world.sessions())[0].student.total_cost_minor == 6000


async def test_a_price_that_rises_before_confirming_is_refused(world: Academy) -> None:
    stu = await (await Visitor(world, world.student).book()).press("14:00")
    await change_coach(world, rate_minor=9000)

    await stu.press("Confirm")

    assert stu.said == "The coach has changed the price to $90.00. Choose the time again to book it."
    assert await world.count(CoachingSession) == 0


async def test_a_length_no_longer_offered_falls_back_to_the_usual_one(world: Academy) -> None:
    stu = await Visitor(world, world.student).book()
    await stu.choose("book:length:", "90 min")
    await change_coach(world, durations_minutes=[30, 60])

    await stu.press("14:00")
    refused = stu.said
    await stu.choose("book:day:", "Tue 3 Mar")

    assert refused == "This coach offers sessions of 30 or 60 minutes. Choose another length."
    assert stu.chosen("book:length:").startswith("30 min")


@pytest.mark.slow
async def test_students_book_up_to_the_servers_limit(world: Academy) -> None:
    other = await a_coach(world, "Dora", hours="9-17")
    await world.choose(most_upcoming=1)
    stu = Visitor(world, world.student)
    await (await stu.book()).press("11:00", "Confirm")
    await stu.book(coach=str(other.id))

    await stu.press("14:00")
    refused = stu.said
    await much_later(world, datetime(2026, 3, 2, 10, 1, tzinfo=UTC))
    await stu.press("14:00", "Confirm")

    assert "You have 1 upcoming session, the most allowed here." in refused
    assert "Booked ✅" in stu.said


async def test_a_cancelled_session_does_not_count_towards_the_limit(world: Academy) -> None:
    await world.choose(most_upcoming=1)
    await world.book(world.student, "11:00")
    stu = await Visitor(world, world.student).slash("sessions")
    await stu.fill("Cancel…")

    await (await stu.book()).press("14:00", "Confirm")

    assert "Booked ✅" in stu.said
    assert [one.status for one in await world.sessions()] == [SessionStatus.CANCELLED, SessionStatus.SCHEDULED]


async def test_payment_and_cancellation_rules_are_shown_before_confirming(world: Academy) -> None:
    await world.choose(payment_instructions="PayPal to *pay@academy.example*", cancel_notice_minutes=24 * 60)
    stu = await Visitor(world, world.student).book()
    await stu.choose("book:day:", "Wed 4 Mar")

    await stu.press("09:00")

    by = int(datetime(2026, 3, 3, 8, tzinfo=UTC).timestamp())
    assert "**How to pay** PayPal to \\*pay@academy.example\\*" in stu.said
    assert (
        f"**Changes** You can reschedule or cancel for free until <t:{by}:f>, 1 day before the start. After that, "
        "cancelling counts as late."
    ) in stu.said


async def test_a_free_session_without_notice_rule_says_only_that(world: Academy) -> None:
    await world.choose(payment_instructions="PayPal")
    await change_coach(world, rate_minor=0)

    stu = await (await Visitor(world, world.student).book()).press("14:00")

    assert "60 min · free" in stu.said
    assert "How to pay" not in stu.said
    assert "**Changes** You can reschedule or cancel for free until the start." in stu.said
