"""Sessions booked with credit: what people read about it, and how a charge is waived or disputed."""

from datetime import datetime
from typing import Any

import pytest

from models import CoachingSession, CreditLot, ExtensionPrice, Guild, LotSource
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.credits import charges, disputes, ledger
from scheduler.rooms import extensions
from tests.cogs.sessions.test_old_messages import title
from tests.support import meetings
from tests.support.builders import DAY, HOUR
from tests.support.credits import left
from tests.support.meetings import MINUTE, NO_ACCESS, TWO, opened, reloaded, settings, to_the_end
from tests.support.parameters import first_plain
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, labels, press, rows, send

PRICE = "60 min · 60 minutes of credit · Code "
CHARGED = "60 minutes of credit charged"
BACK, COACHS_BACK = "60 minutes are back in your credit", "60 minutes are back in your student's credit"
WAIVED = f"Charge waived: {COACHS_BACK}. We've told your student."
WAIVE, DISPUTE = "Waive charge", "Dispute charge…"
REASON = {"What happened": "My train was *late*."}
SENT = "We've sent your dispute to the admins, and will tell you what they decide."


async def booked(world: Academy, starts_at: datetime = TWO, *, lot: int = 300) -> CoachingSession:
    """Give Stu a lot, and let him book an hour with Cara with it."""
    stu = world.student.id
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        owned = CreditLot(guild_id=guild.id, user_id=stu, source=LotSource.GRANT)
        await ledger.grant(session, owned, lot, world.now)
        made = await charges.book(
            session, guild, Actor(stu), world.coach.id, starts_at, HOUR, "The bridge.", world.now
        )
    await world.leap_to(world.now)
    return made


async def ended(world: Academy, *inside: Any) -> CoachingSession:
    """Return a session that these people came to, right after its end."""
    made = await booked(world)
    await opened(world, made, *inside)
    await world.leap_to(made.starts_at)
    await world.leap_to(made.starts_at + 10 * MINUTE)
    await to_the_end(world, made)
    return await reloaded(world, made)


async def cancelled_late(world: Academy) -> CoachingSession:
    """Return a session that Stu has just cancelled too late."""
    await settings(world, cancel_notice_minutes=24 * 60)
    made = await booked(world)
    await fill(world.student, await listed(world, world.student), "Cancel…", {"Reason": ""})
    await world.leap_to(world.now)
    return await reloaded(world, made)


async def listed(world: Academy, person: Any) -> Any:
    """Return this person's list of sessions."""
    return reply(await person.slash(world.lobby, "sessions"))


def newest(person: Any, begins: str) -> Any:
    """Return the newest direct message whose title begins like this."""
    return [one for one in person.user.dm_channel.history() if title(one).startswith(begins)][-1]


async def test_everyone_reads_the_minutes_in_place_of_the_price(world: Academy) -> None:
    made = await booked(world)

    for person in (world.student, world.coach):
        assert PRICE in words(await listed(world, person))
        assert PRICE in world.dms(person)[0]
    story = reply(await world.admin.slash(world.lobby, "coaching session", code=made.code))
    assert PRICE in words(story)
    assert "$" not in "".join(
        map(words, (story, await listed(world, world.student), await listed(world, world.coach)))
    )


async def test_after_the_session_both_read_that_it_was_charged(world: Academy) -> None:
    await ended(world, world.coach, world.student)

    for person, booking in ((world.student, "Session booked"), (world.coach, "New booking")):
        assert CHARGED in words(newest(person, booking))
        assert CHARGED in words(await listed(world, person))
    assert CHARGED in words(newest(world.student, "How was it?"))


async def test_a_coachs_no_show_gives_the_minutes_back(world: Academy) -> None:
    made = await ended(world, world.student)

    assert BACK in words(newest(world.student, "Your coach missed your session"))
    assert COACHS_BACK in words(newest(world.coach, "You missed your session"))
    story = reply(await world.admin.slash(world.lobby, "coaching session", code=made.code))
    assert "60 minutes are back in the student's credit" in words(story)
    for person in (world.student, world.coach):
        assert not {WAIVE, DISPUTE} & labels(await listed(world, person)).keys()


@pytest.mark.slow
async def test_what_an_extension_costs_stays_money(world: Academy) -> None:
    await settings(world, extension_price=ExtensionPrice.PRO_RATA)
    made = await booked(world)
    room = await opened(world, made, world.coach, world.student)
    await world.leap_to(made.starts_at + 10 * MINUTE)
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        terms = extensions.terms_of(made, guild)
        await extensions.ask(session, made.id, Actor(world.coach.id), terms, world.now)
    await world.leap_to(world.now)

    question = [one for one in room.history() if "15 more minutes?" in words(one)][-1]
    answer = await press(world.student, question, "Accept")

    assert "$15.00 more (60 minutes of credit and $15.00 in all)." in words(question)
    assert "Price: 60 minutes of credit and $15.00." in words(answer)
    card = words(await listed(world, world.student))
    assert "75 min · 60 minutes of credit and $15.00 · booked 60 min, 60 minutes of credit · Code" in card


@pytest.mark.parametrize(
    ("who", "notice", "before", "after"),
    first_plain(
        [
            ("student", 0, "60 minutes will be back in your credit.", BACK),
            ("student", 60, "60 minutes will be back in your credit.", BACK),
            ("student", 24 * 60, "**late cancellation**.\nYour 60 minutes of credit will be charged.", CHARGED),
            ("coach", 24 * 60, "60 minutes will be back in your student's credit.", COACHS_BACK),
            ("admin", 24 * 60, "60 minutes will be back in the student's credit.", "back in the student's credit"),
        ]
    ),
    ids=["no rule", "in time", "late", "coach", "admin"],
)
async def test_the_form_says_what_becomes_of_the_minutes_and_the_answer_that_it_did(
    world: Academy, who: str, notice: int, before: str, after: str
) -> None:
    await settings(world, cancel_notice_minutes=notice)
    made = await booked(world)
    person = getattr(world, who)

    opened_form = await world.press_custom_id(person, f"session:cancel:{made.id}")
    answer = words(await send(person, opened_form, {"Reason": ""}))

    assert before in str(opened_form.modal["components"][0]["content"])
    assert ("will be charged" in str(opened_form.modal)) is (after == CHARGED)
    assert after in answer
    assert await left(world.db) == [240 if after == CHARGED else 300]


@pytest.mark.parametrize(
    ("who", "said"),
    first_plain(
        [
            ("student", "To make up for it, you have 60 minutes of credit now: see `/credits`."),
            ("coach", "To make up for it, your student got 60 minutes of credit."),
            ("admin", "To make up for it, the student got 60 minutes of credit."),
        ]
    ),
)
async def test_whoever_cancels_reads_that_the_student_got_a_make_up(world: Academy, who: str, said: str) -> None:
    await settings(world, most_make_ups=1)
    made = await meetings.booked(world, TWO + 2 * DAY)
    person = getattr(world, who)

    answer = await send(person, await world.press_custom_id(person, f"session:cancel:{made.id}"), {"Reason": ""})

    assert f"We've messaged you both. {said}" in words(answer)


@pytest.mark.parametrize("restarted", first_plain([False, True]), ids=["fresh", "restarted"])
async def test_a_coach_waives_the_charge_of_a_no_show_from_its_message(world: Academy, restarted: bool) -> None:
    await ended(world, world.coach)
    hers = newest(world.coach, "Your student missed your session")
    assert CHARGED in words(hers)
    if restarted:
        await world.restart()

    answer = await press(world.coach.user, hers, WAIVE)
    again = await world.press_custom_id(world.coach, labels(hers)[WAIVE])

    assert [words(answer), words(reply(again))] == [WAIVED] * 2
    assert await left(world.db) == [300]
    hers, his = newest(world.coach, "Your student missed"), newest(world.student, "You missed your session")
    assert f"Charge waived: {COACHS_BACK}" in words(hers)
    assert f"Charge waived: {BACK}" in words(his)
    assert list(labels(hers)) == ["Was here after all"]
    assert list(labels(his)) == ["Appeal…"]


@pytest.mark.slow
async def test_a_coach_waives_a_charge_in_the_list_for_a_week(world: Academy) -> None:
    made = await ended(world, world.coach, world.student)
    for person in (world.student, world.outsider):
        said = words(reply(await world.press_custom_id(person, f"session:charge:{made.id}:waive")))
        assert said in (NO_ACCESS, "You have no such charge to waive. `/sessions` lists your sessions.")
    hers = await listed(world, world.coach)
    assert list(labels(hers)) == ["Mark no-show", WAIVE, "Reminders: on"]

    await world.leap_to(made.ends_at + 7 * DAY)
    assert WAIVE not in labels(await listed(world, world.coach))
    assert "It's too late to waive the charge" in words(await press(world.coach, hers, WAIVE))
    assert await left(world.db) == [240]
    assert CHARGED in words(await listed(world, world.student))


async def test_an_admin_waives_a_charge_in_the_details_of_the_session(world: Academy) -> None:
    made = await ended(world, world.coach)
    story = reply(await world.admin.slash(world.lobby, "coaching session", code=made.code))

    answer = await press(world.admin, story, WAIVE)
    await world.leap_to(world.now)

    assert words(answer) == "60 minutes are back in the student's credit. We've told the student."
    assert await left(world.db) == [300]
    assert "An admin gave you back 60 minutes of credit" in world.dms(world.student)[-1]
    story = reply(await world.admin.slash(world.lobby, "coaching session", code=made.code))
    assert WAIVE not in labels(story)


@pytest.mark.parametrize("restarted", first_plain([False, True]), ids=["fresh", "restarted"])
async def test_a_student_disputes_a_late_cancellation_from_its_message(world: Academy, restarted: bool) -> None:
    made = await cancelled_late(world)
    his = newest(world.student, "Session cancelled by you")
    assert next(iter(labels(his))) == DISPUTE
    asked = await form(world.student.user, his, DISPUTE)
    assert "This session charged 60 minutes of your credit." in str(asked.modal)
    if restarted:
        await world.restart()

    refused = await send(world.student.user, asked, {"What happened": "  "})
    assert "Write what happened, so that an admin can decide." in words(refused)
    assert words(await fill(world.student.user, refused, "Fix it", REASON)) == SENT

    his = newest(world.student, "Session cancelled by you")
    assert DISPUTE not in labels(his)
    assert f"**Disputed** {stamp(world.now, 'f')}. An admin will decide." in words(his)
    card = await listed(world, world.student)
    assert DISPUTE not in labels(card)
    assert "An admin will decide." in words(card)
    again = await world.press_custom_id(world.student, f"session:charge:{made.id}:dispute")
    assert "You disputed this" in words(reply(again))


@pytest.mark.parametrize(
    ("give_back", "decided", "became"),
    first_plain([(True, "An admin gave the minutes back.", BACK), (False, "An admin kept the charge.", CHARGED)]),
    ids=["given back", "kept"],
)
async def test_the_message_says_what_an_admin_decided(
    world: Academy, give_back: bool, decided: str, became: str
) -> None:
    made = await cancelled_late(world)
    admin = Actor(world.admin.id, is_admin=True)
    await fill(world.student.user, newest(world.student, "Session cancelled by you"), DISPUTE, REASON)

    async with world.db.begin() as session:
        await disputes.decide(session, made.id, admin, world.guild.id, give_back=give_back, now=world.now)
    await world.leap_to(world.now)

    for shown in (newest(world.student, "Session cancelled by you"), await listed(world, world.student)):
        assert f"**Disputed** {decided}" in words(shown)
        assert became in words(shown)
        assert "Charge waived" not in words(shown)


@pytest.mark.slow
async def test_after_72_hours_a_student_can_dispute_no_more_but_still_appeal(world: Academy) -> None:
    made = await ended(world, world.coach)
    assert list(labels(newest(world.student, "You missed"))) == ["Appeal…", DISPUTE]
    old = await listed(world, world.student)

    await world.leap_to(made.ends_at + 3 * DAY)

    assert list(labels(newest(world.student, "You missed"))) == ["Appeal…"]
    assert DISPUTE not in labels(await listed(world, world.student))
    assert list(labels(newest(world.coach, "Your student missed"))) == ["Was here after all", WAIVE]
    said = words(reply(await world.student.click(old, label=DISPUTE)))
    assert "It's too late to dispute this: you had 72 hours." in said

    await world.leap_to(made.ends_at + 7 * DAY)

    assert list(labels(newest(world.student, "You missed"))) == []
    assert list(labels(newest(world.coach, "Your student missed"))) == []


async def test_a_cancellation_keeps_its_other_buttons_when_the_charge_stands(world: Academy) -> None:
    await cancelled_late(world)
    assert next(iter(labels(newest(world.coach, "Session cancelled by your student")))) == WAIVE

    await world.leap_to(world.now + 7 * DAY)

    his, hers = newest(world.student, "Session cancelled by you"), newest(world.coach, "Session cancelled by your")
    assert title(his) == "Session cancelled by you"
    assert next(iter(labels(his))) == "Book another time"
    assert WAIVE not in labels(hers)


async def test_others_learn_and_change_nothing(world: Academy) -> None:
    made = await cancelled_late(world)
    before = await rows(world)

    for who in (world.coach, world.admin, world.outsider, world.other_student):
        for answer in (
            await world.press_custom_id(who, f"session:charge:{made.id}:dispute"),
            await world.send_custom_id(who, f"session:charge:{made.id}:dispute", REASON),
        ):
            assert "You have no such " in words(reply(answer))

    assert await rows(world) == before
