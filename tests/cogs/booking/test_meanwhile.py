"""What happens to a booking when the world changes between two presses."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from models import Coach, CoachingSession, CoachStatus, Hold, SessionStatus
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


async def go_home(world: Academy) -> None:
    await world.coach.slash(world.lobby, "availability", days="Mon-Fri", hours="off")


async def raise_the_notice(world: Academy) -> None:
    await change_coach(world, minimum_notice_minutes=24 * 60)


HAPPENS: list[tuple[Callable[[Academy], Awaitable[None]], str]] = [
    (pause, PAUSED),
    (suspend, NO_COACH),
    (leave, LEFT),
    (go_home, "⚠️ That time is outside the coach's hours.\nThis coach has nothing else free."),
    (raise_the_notice, "⚠️ That time is too soon: this coach needs 1 day of notice."),
]


@pytest.mark.parametrize(("happens", "sentence"), HAPPENS)
async def test_a_time_is_refused_in_words_if_meanwhile(
    open_world: Academy, happens: Callable[[Academy], Awaitable[None]], sentence: str
) -> None:
    world = open_world
    stu = await Visitor(world, world.student).book()
    await happens(world)

    await stu.press("14:00")

    assert stu.said.startswith(sentence)
    assert await world.count(Hold) == 0


@pytest.mark.parametrize(("happens", "sentence"), HAPPENS)
async def test_confirming_is_refused_in_words_if_meanwhile(
    open_world: Academy, happens: Callable[[Academy], Awaitable[None]], sentence: str
) -> None:
    world = open_world
    stu = await (await Visitor(world, world.student).book()).press("14:00")
    await happens(world)

    await stu.press("Confirm")

    assert stu.said.startswith(sentence)
    assert await world.count(CoachingSession) == 0


async def test_hours_that_moved_offer_the_nearest_of_the_new_ones(open_world: Academy) -> None:
    world = open_world
    stu = await Visitor(world, world.student).book()
    await world.coach.slash(world.lobby, "availability", days="Mon", hours="15-18")

    await stu.press("14:00")

    assert stu.said.startswith("⚠️ That time is outside the coach's hours.")
    assert stu.buttons[:3] == ["Mon 2 Mar, 15:00", "Mon 2 Mar, 15:30", "Mon 2 Mar, 16:00"]


async def test_a_coach_who_left_is_hidden_by_the_daily_look_and_returns(open_world: Academy) -> None:
    world = open_world
    stu = Visitor(world, world.student)
    assert world.coach.mention in (await stu.slash("book")).said
    await leave(world)

    await much_later(world, datetime(2026, 3, 3, 9, tzinfo=UTC))
    gone = (await stu.slash("book")).said
    suggested = await world.student.autocomplete(world.lobby, "book", "coach", "")
    world.coach = world.guild.add_member(world.coach.user)
    await much_later(world, datetime(2026, 3, 4, 10, tzinfo=UTC))
    back = (await stu.slash("book")).said

    assert "No coach to book yet" in gone
    assert suggested == []
    assert world.coach.mention in back
    await stu.press("Book", "15:00", "Confirm")
    assert "Booked ✅" in stu.said


async def test_a_coach_who_is_known_to_have_left_is_not_offered_with_times(open_world: Academy) -> None:
    world = open_world
    await change_coach(world, left_at=world.now)
    stu = Visitor(world, world.student)

    await stu.book()

    assert stu.said == LEFT


async def test_if_discord_cannot_say_whether_the_coach_is_there_booking_goes_on(open_world: Academy) -> None:
    world = open_world
    stu = await Visitor(world, world.student).book()
    path = f"/guilds/{world.guild.id}/members/{world.coach.id}"
    world.env.inject_error("GET", path, status=500, times=None)

    await stu.press("14:00", "Confirm")

    assert "Booked ✅" in stu.said


async def test_the_price_stays_what_was_confirmed_when_the_rate_changes(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    await change_coach(world, rate_minor=9900)

    stu = await Visitor(world, world.student).slash("sessions")

    assert "**Price** $60.00" in stu.said
    assert (await world.sessions())[0].total_cost_minor == 6000


async def test_a_length_that_is_offered_no_more_gives_way_to_the_usual_one(open_world: Academy) -> None:
    world = open_world
    stu = await Visitor(world, world.student).book()
    await stu.choose("book:length:", "90 min")
    await change_coach(world, durations_minutes=[30, 60])

    await stu.press("14:00")
    refused = stu.said
    await stu.choose("book:day:", "Tue 3 Mar")

    assert refused == "This coach offers 30, 60 minutes. Choose one of these."
    assert stu.chosen("book:length:").startswith("30 min")


async def test_a_student_has_no_more_coming_sessions_than_the_server_allows(open_world: Academy) -> None:
    world = open_world
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


async def test_a_cancelled_session_does_not_count_towards_the_most(open_world: Academy) -> None:
    world = open_world
    await world.choose(most_upcoming=1)
    await world.book(world.student, "11:00")
    stu = await Visitor(world, world.student).slash("sessions")
    await stu.fill("Cancel…")

    await (await stu.book()).press("14:00", "Confirm")

    assert "Booked ✅" in stu.said
    assert [one.status for one in await world.sessions()] == [SessionStatus.CANCELLED, SessionStatus.SCHEDULED]


async def test_coaches_cannot_book_themselves_by_any_way(open_world: Academy) -> None:
    world = open_world
    cara = Visitor(world, world.coach)
    start = int(datetime(2026, 3, 2, 13, tzinfo=UTC).timestamp()) // 60

    said = [(await cara.book()).said]
    for step, agreed in (("time", ""), ("confirm", ":6000"), ("notes", "")):
        custom_id = f"book:{step}:{world.coach.id}:60:{start}{agreed}"
        result = await world.press_custom_id(world.coach, custom_id)
        said.append(cara.take(result).said if not result.modal else "a form")

    assert said == [*["You can't book yourself. Choose another coach."] * 3, "a form"]
    assert (await world.count(Hold), await world.count(CoachingSession)) == (0, 0)


async def test_how_to_pay_and_the_rule_for_cancelling_are_read_before_confirming(open_world: Academy) -> None:
    world = open_world
    await world.choose(payment_instructions="PayPal to *pay@academy.example*", cancel_notice_minutes=24 * 60)
    stu = await Visitor(world, world.student).book()
    await stu.choose("book:day:", "Wed 4 Mar")

    await stu.press("09:00")

    by = int(datetime(2026, 3, 3, 8, tzinfo=UTC).timestamp())
    assert "**How to pay** PayPal to \\*pay@academy.example\\*" in stu.said
    assert (
        f"**Cancelling** You can move or cancel it until <t:{by}:f>, 1 day before it starts. Later, cancelling "
        "counts as late."
    ) in stu.said


async def test_without_a_notice_rule_and_with_a_free_session_only_what_holds_is_said(open_world: Academy) -> None:
    world = open_world
    await world.choose(payment_instructions="PayPal")
    await change_coach(world, rate_minor=0)

    stu = await (await Visitor(world, world.student).book()).press("14:00")

    assert "**Price** free" in stu.said
    assert "How to pay" not in stu.said
    assert "**Cancelling** You can move or cancel it until it starts." in stu.said


async def test_an_application_alone_books_nobody(open_world: Academy) -> None:
    world = open_world
    await world.apply(world.outsider)
    stu = Visitor(world, world.student)

    await stu.book(coach=str(world.outsider.id))

    assert stu.said == NO_COACH
    assert await world.count(Coach) == 2
