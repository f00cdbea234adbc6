"""What people are told about their credit, and the card on which admins decide a dispute."""

from typing import Any

import pytest

from models import CoachingSession, CreditDispute
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.credits import charges, disputes
from tests.support.academy_credit import booked_with_credit, cancelled, in_world
from tests.support.builders import DAY
from tests.support.meetings import TWO, booked, settings
from tests.support.parameters import first_plain
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels, press
from tests.support.transactions import fetch


async def charged(world: Academy) -> CoachingSession:
    """Book an hour with Stu's credit, and cancel it too late."""
    await settings(world, cancel_notice_minutes=2 * 1440)
    await in_world(world, 240)
    made = await booked_with_credit(world)
    await cancelled(world, made, world.student)
    return made


async def disputed(world: Academy) -> CoachingSession:
    """Let Stu dispute a charge, as its button does."""
    made = await charged(world)
    async with world.db.begin() as session:
        await disputes.open_dispute(session, made.id, Actor(world.student.id), "I was *ill*.", world.now)
    await world.leap_to(world.now)
    return made


async def waived(world: Academy, made: CoachingSession) -> None:
    """Let Cara waive the charge, as its button does."""
    async with world.db.begin() as session:
        await charges.waive(session, made.id, Actor(world.coach.id), world.now)
    await world.leap_to(world.now)


def about(world: Academy, person: Any, words_: str) -> list[str]:
    """Return the direct messages that say this."""
    return [one for one in world.dms(person) if words_ in one]


async def credit_of(world: Academy) -> str:
    return words(reply(await world.student.slash(world.lobby, "credits")))


@pytest.mark.parametrize(
    ("label", "minutes", "outcome", "news"),
    first_plain(
        [
            ("Give back", 240, "minutes given back", "An admin gave {} back 60 minutes of credit"),
            ("Keep the charge", 180, "charge kept", "An admin kept the charge"),
        ]
    ),
)
async def test_an_admin_decides_a_dispute_and_both_are_told(
    open_world: Academy, label: str, minutes: int, outcome: str, news: str
) -> None:
    world = open_world
    made = await disputed(world)
    assert words(world.card).startswith(
        f"### Disputed charge\n{world.student.mention} disputes that 60 minutes of credit were charged.\n"
        f"Session `{made.code}` of {world.coach.mention} with {world.student.mention}, {stamp(TWO)}.\n"
        "It was charged because it was cancelled late."
    )
    assert "> I was \\*ill\\*." in words(world.card)

    said = await press(world.admin, world.card, label)

    assert words(said).startswith("Decided. ")
    assert f"**Decided** by {world.admin.mention} {stamp(world.now, 'f')}: {outcome}" in words(world.card)
    assert labels(world.card) == {}
    assert f"### Your credit: {minutes} minutes" in await credit_of(world)
    assert len(about(world, world.student, f"**{news.format('you')}**")) == 1
    assert len(about(world, world.coach, f"**{news.format('your student')}**")) == 1


async def test_nobody_decides_a_dispute_about_their_own_session(open_world: Academy) -> None:
    world = open_world
    made = await disputed(world)
    await settings(world, admin_role_id=world.coach_role.id)

    said = await press(world.coach, world.card, "Give back")

    assert words(said) == "This is about your own session. Another admin has to decide."
    assert (await fetch(world.db, CreditDispute, (made.id, world.student.id))).decided_at is None


@pytest.mark.slow
async def test_a_card_says_that_the_coach_waived_the_charge_and_follows_into_another_channel(
    open_world: Academy,
) -> None:
    world = open_world
    made = await disputed(world)
    other = world.guild.create_text_channel("decisions")
    world.env.backend.delete_channel(world.review.id)
    await settings(world, review_channel_id=other.id)

    await waived(world, made)

    assert "The coach has waived the charge since" in words(other.last_message)
    await press(world.admin, other.last_message, "Give back")
    assert "### Your credit: 240 minutes" in await credit_of(world)


async def test_a_student_is_told_that_the_coach_waived_the_charge(open_world: Academy) -> None:
    world = open_world
    made = await charged(world)

    await waived(world, made)

    [told] = about(world, world.student, "gave you back")
    assert told.startswith(f"**Your coach gave you back 60 minutes of credit**\n## {stamp(TWO)}\nWith Cara · Code")
    assert f"given back: session on {stamp(TWO, 'f')} with {world.coach.mention}, waived by the coach" in words(
        await press(world.student, reply(await world.student.slash(world.lobby, "credits")), "History")
    )


async def test_a_student_is_told_when_little_credit_is_left(open_world: Academy) -> None:
    world = open_world
    await in_world(world, 120)

    await booked_with_credit(world)

    [told] = about(world, world.student, "credit left")
    assert told.startswith("### You have 60 minutes of credit left\nTo get more, use `/credits` in the server.")


async def test_a_student_is_told_two_weeks_before_credit_ends(open_world: Academy) -> None:
    world = open_world
    ends_at = world.now + 30 * DAY
    await in_world(world, 120, reason="Paid in cash", valid_until=ends_at, coach_ids=[world.coach.id])
    assert world.dms(world.student) == []

    await world.leap_to(ends_at - 14 * DAY)

    [told] = world.dms(world.student)
    assert told.startswith(
        f"### 120 minutes of your credit end soon\n**Last day** {stamp(ends_at - world.minutes(1), 'D')}\n"
        "**From** Paid in cash\n**Only** with Cara\n"
    )
    await world.leap_to(ends_at)
    history = await press(world.student, reply(await world.student.slash(world.lobby, "credits")), "History")
    assert "**−120 min** · expired: Paid in cash" in words(history)


async def test_a_student_is_told_about_a_make_up_and_sees_what_it_stands_for(open_world: Academy) -> None:
    world = open_world
    await settings(world, most_make_ups=2)
    made = await booked(world, TWO + DAY)

    await cancelled(world, made, world.student)

    [told] = about(world, world.student, "make up")
    starts_at = stamp(TWO + DAY, "f")
    assert told.startswith(
        "### You got 60 minutes of credit to make up for a session\n"
        f"**For** make-up for the session on {starts_at} with Cara\n**Valid** until <t:"
    )
    assert "**Only** with Cara, or a coach who doesn't cost more" in told
    assert f"make-up for the session on {starts_at} with {world.coach.mention}" in await credit_of(world)
