"""**Away…**, from the press to what coaches and students read."""

from datetime import timedelta
from typing import Any

from simcord.components import walk_components

from models import Guild, SessionStatus
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.workshops import seats, workshops
from tests.support.meetings import TWO, booked, reloaded, settings, told
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, send, week
from tests.support.time_off import a_colleague
from tests.support.workshops import terms

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
TUESDAY = TWO + DAY
REASON = "Reason"


async def go_away(world: Academy, first: str = "3 March", last: str = "", reason: str = "I'm at sea.") -> Any:
    """Send the form of **Away…**, and return what's shown then."""
    typed = {"From": first, "To": last, REASON: reason}
    return await fill(world.coach, await week(world), "Away…", typed)


async def pressed(person: Any, message: Any, label: str, number: int = 0) -> Any:
    """Press one of several buttons with this label."""
    ids = [one["custom_id"] for one in walk_components(message.components) if one.get("label") == label]
    return reply(await person.click(message, custom_id=ids[number]))


async def test_a_coach_goes_away_and_comes_back(open_world: Academy) -> None:
    world = open_world

    screen = await go_away(world, "3 March", "4 March")
    shown, panel = words(screen), await week(world)
    twice = words(await go_away(world, "3 March", "4 March"))
    back = words(await press(world.coach, screen, "I'm back"))
    audit = words(reply(await world.admin.slash(world.lobby, "coaching audit")))

    assert "✅ You're away Tuesday, 3 March 2026 – Wednesday, 4 March 2026." in shown
    assert "Nobody can book you on these days. Your students read: I'm at sea." in shown
    assert "✅ There's nothing to decide." in shown
    assert "**Away Tuesday, 3 March 2026 – Wednesday, 4 March 2026.** Nothing to decide." in words(panel)
    assert "✅ You're away" in twice
    assert "can be booked again" in back
    for what in ("added", "ended"):
        by = f"absence {what} by {world.coach.mention}"
        assert f"{by}: Tuesday, 3 March 2026 – Wednesday, 4 March 2026" in audit
    assert "Away Tuesday" not in words(await week(world))


async def test_wrong_days_are_explained_and_kept(open_world: Academy) -> None:
    world = open_world

    refused = await go_away(world, "32 March", "2 Jan 2020")
    again = await form(world.coach, refused, "Fix it")

    assert "**From:**" in words(refused)
    assert held(again) == {"From": "32 March", "To": "2 Jan 2020", REASON: "I'm at sea."}


async def test_each_session_is_rescheduled_kept_or_cancelled(open_world: Academy) -> None:
    world, coach = open_world, open_world.coach
    moved, kept, cancelled = [await booked(world, TUESDAY + number * HOUR) for number in range(3)]

    screen = await go_away(world)
    said = [words(screen)]
    times = await pressed(coach, screen, "Reschedule…")
    said.append(words(times))
    after = await press(coach, times, "To time 1")
    said.append(words(after))
    after = await pressed(coach, after, "Keep")
    said.append(words(after))
    opened = await form(coach, after, "Cancel…")
    done = await send(coach, opened, {})
    await world.leap_to(world.now + 2 * MINUTE)

    to = (await reloaded(world, moved)).starts_at
    assert "These 3 sessions stay booked until you decide." in said[0]
    assert f"1. {stamp(to)}" in said[1]
    assert f"✅ Rescheduled to {stamp(to)}." in said[2]
    assert "✅ The session stays booked." in said[3]
    assert held(opened)[REASON] == "I'm at sea."
    assert f"✅ Session cancelled: {stamp(cancelled.starts_at)}." in words(done)
    assert "✅ There's nothing to decide." in words(done)
    assert (await reloaded(world, kept)).status is SessionStatus.SCHEDULED
    assert (await reloaded(world, cancelled)).status is SessionStatus.CANCELLED
    [message] = told(world, world.student, "Cara is away Tuesday")
    news = words(message)
    assert news.startswith("**Cara is away Tuesday, 3 March 2026**\nI'm at sea.\n")
    assert f"- {stamp(TUESDAY)}: rescheduled to **{stamp(to)}**" in news
    assert f"- {stamp(cancelled.starts_at)}: **cancelled**" in news
    assert len(message.attachments) == 2
    assert not told(world, world.student, "Session cancelled")
    assert not told(world, world.student, "Session rescheduled")
    [own] = told(world, coach, "What changes while you're away")
    assert "with Stu" in words(own)


async def test_one_press_for_all_that_are_left(open_world: Academy) -> None:
    world, coach = open_world, open_world.coach
    made = [await booked(world, TUESDAY + number * HOUR) for number in range(3)]
    screen = await go_away(world)

    opened = await form(coach, screen, "Cancel all 3…")
    done = await send(coach, opened, {REASON: "Storm."})
    await world.leap_to(world.now + 2 * MINUTE)

    assert "✅ 3 sessions cancelled." in words(done)
    assert {(await reloaded(world, one)).cancel_reason for one in made} == {"Storm."}
    assert len(told(world, world.student, "Cara is away Tuesday")) == 1


async def test_keeping_all(open_world: Academy) -> None:
    world = open_world
    for number in range(2):
        await booked(world, TUESDAY + number * HOUR)
    screen = await go_away(world)

    done = words(await press(world.coach, screen, "Keep all 2"))

    assert "✅ 2 sessions kept." in done
    assert "✅ There's nothing to decide." in done
    assert "Nothing to decide." in words(await week(world))


async def test_a_substitute_and_the_student_accept_in_their_messages(open_world: Academy) -> None:
    world, coach, sam = open_world, open_world.coach, open_world.other_student
    await a_colleague(world, sam)
    made = await booked(world, TUESDAY)
    screen = await go_away(world)

    choose = await press(coach, screen, "Substitute…")
    asked = reply(await coach.select(choose, values=[str(sam.id)]))
    await world.leap_to(world.now)
    [card] = told(world, sam, "Can you take over this session?")
    none = told(world, world.student, "take over your session")
    first = words(await press(sam.user, card, "Accept"))
    await world.leap_to(world.now)
    [question] = told(world, world.student, "Sam can take over your session")
    second = words(await press(world.student.user, question, "Accept"))
    await world.leap_to(world.now + 2 * MINUTE)

    assert "Pick a coach" not in words(asked)
    assert "1 more waits for an answer." in words(asked)
    assert f"⏳ {sam.mention} is asked to take it over, until" in words(asked)
    assert none == []
    assert "✅ You've accepted. Now your student is asked" in first
    assert "✅ Sam takes it over, at the same price." in second
    [card] = told(world, sam, "Can you take over this session?")
    assert list(labels(card)) == []
    assert "✅ It's yours now." in words(card)
    row = await reloaded(world, made)
    assert row.coach_id == sam.id
    story = words(reply(await world.admin.slash(world.lobby, "coaching session", code=row.code)))
    for what in ("substitute asked", "student agreed to the substitute", "session taken over by a substitute"):
        assert what in story.lower()
    [news] = told(world, world.student, "Cara is away Tuesday")
    assert "Sam **takes it over**" in words(news)
    assert told(world, sam, "New booking")
    [before] = told(world, coach, "New booking")
    assert "taken over by another coach" in words(before)
    assert list(labels(before)) == []


async def test_who_declines_leaves_it_to_the_coach(open_world: Academy) -> None:
    world, coach, sam = open_world, open_world.coach, open_world.other_student
    await a_colleague(world, sam)
    await booked(world, TUESDAY)
    screen = await go_away(world)
    await coach.select(await press(coach, screen, "Substitute…"), values=[str(sam.id)])
    await world.leap_to(world.now)
    [card] = told(world, sam, "Can you take over this session?")

    declined = words(await press(sam.user, card, "Decline"))
    await world.leap_to(world.now + 2 * MINUTE)

    assert "You've declined. Cara decides what to do instead." in declined
    assert not told(world, world.student, "take over your session")
    [news] = told(world, coach, "What changes while you're away")
    assert "**no substitute**. It's still booked with you" in words(news)
    assert "1 session to decide about." in words(await week(world))


async def test_without_anybody_free_it_says_what_else_can_be_done(open_world: Academy) -> None:
    world = open_world
    await booked(world, TUESDAY)
    screen = await go_away(world)

    refused = words(await press(world.coach, screen, "Substitute…"))

    assert "No other coach of this specialty is free then. Reschedule or cancel the session instead." in refused


async def test_an_open_room_lets_the_substitute_in_and_the_coach_out(open_world: Academy) -> None:
    world, coach, sam, student = open_world, open_world.coach, open_world.other_student, open_world.student
    await a_colleague(world, sam)
    await settings(world, room_lead_minutes=120, access_lead_minutes=60)
    made = await booked(world, TUESDAY)
    await world.leap_to(TUESDAY - 50 * MINUTE)
    room = world.room(made.code)
    before = [world.sees(one, room) for one in (coach, student, sam)]

    await coach.select(await press(coach, await go_away(world), "Substitute…"), values=[str(sam.id)])
    await world.leap_to(world.now)
    [card] = told(world, sam, "Can you take over this session?")
    await press(sam.user, card, "Accept")
    await world.leap_to(world.now)
    [question] = told(world, student, "Sam can take over your session")
    await press(student.user, question, "Accept")
    await world.leap_to(world.now)

    assert before == [True, True, False]
    assert [world.sees(one, room) for one in (coach, student, sam)] == [False, True, True]
    assert told(world, sam, "Your room is open")
    assert len(told(world, student, "Your room is open")) == 1


async def test_a_workshop_is_taken_over_and_its_participants_are_told(open_world: Academy) -> None:
    world, coach, sam, student = open_world, open_world.coach, open_world.other_student, open_world.student
    await a_colleague(world, sam)
    await settings(world, workshop_channel_id=world.lobby.id)
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        made = await workshops.create(
            session, guild, Actor(coach.id), coach.id, terms(starts_at=TUESDAY), world.now
        )
        await seats.take(session, made.session_id, Actor(student.id), world.now)
    await world.leap_to(world.now)

    screen = await go_away(world)
    listed = list(labels(screen))
    shown = words(screen)
    choose = await press(coach, screen, "Substitute…")
    asked = words(choose)
    await coach.select(choose, values=[str(sam.id)])
    await world.leap_to(world.now)
    [card] = told(world, sam, "Can you take over this workshop?")
    accepted = words(await press(sam.user, card, "Accept"))
    await world.leap_to(world.now + 2 * MINUTE)

    assert "Reschedule…" not in listed
    assert "a workshop with 1 participant" in shown
    assert "Participants are told, and can give their seats back." in asked
    assert "✅ It's yours now." in accepted
    [news] = told(world, student, "Cara is away Tuesday")
    assert "“Mixing drums”: Sam **takes it over**" in words(news)
    posted = [words(one) for one in world.lobby.history() if "Mixing drums" in words(one)]
    assert f"<@{sam.id}>" in posted[0]
