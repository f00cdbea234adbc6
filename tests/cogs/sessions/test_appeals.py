"""Several people's appeals about one session: each is named, has a card, and is decided by itself."""

from typing import Any

import pytest

from models import CoachingSession, Guild, ParticipantStatus, SessionStatus
from scheduler.attendance import no_shows
from scheduler.core.actor import Actor
from scheduler.workshops import seats, workshops
from scheduler.workshops.terms import Terms
from tests.support.builders import DAY
from tests.support.meetings import HOUR, MINUTE, ended_session, opened, reloaded, settings, to_the_end, told
from tests.support.presses import emit_press, press_together
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, labels, press, rows

MISSED, OVERTURN, KEEP = "You missed your workshop", "Overturn no-show", "Keep no-show"
ATTENDED, NO_SHOW = ParticipantStatus.ATTENDED, ParticipantStatus.NO_SHOW


async def missed_workshop(world: Academy, *inside: Any) -> CoachingSession:
    """Return a workshop of Cara's with seats for Stu and Sam, right after its end, to which only these came."""
    await settings(world, workshop_channel_id=world.guild.create_text_channel("workshops").id)
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        wanted = Terms("Mixing", "Bring a session.", world.now + DAY, HOUR, 3, 0)
        made = await workshops.create(session, guild, Actor(world.coach.id), world.coach.id, wanted, world.now)
        for person in (world.student, world.other_student):
            seat = await seats.take(session, made.session_id, Actor(person.id), world.now)
    for at in (world.now, seat.starts_at - 15 * MINUTE):
        await world.leap_to(at)
    await opened(world, seat.session, *inside)
    for at in (seat.starts_at, seat.starts_at + 10 * MINUTE):
        await world.leap_to(at)
    await to_the_end(world, seat.session)
    return await reloaded(world, seat.session)


async def appeals(person: Any, message: Any) -> None:
    """Let somebody appeal by the button under a message."""
    said = await fill(person.user, message, "Appeal…", {"What happened": f"Here: {person.id}."})
    assert words(said) == "We've sent your appeal to the admins, and will tell you what they decide."


async def missed_by_all(world: Academy) -> tuple[CoachingSession, list[Any]]:
    """Return a workshop to which nobody came, against which Stu, Sam and Cara appeal in turn, and their cards."""
    made = await missed_workshop(world)
    for person in (world.student, world.other_student, world.coach):
        [message] = told(world, person, MISSED)
        await world.leap_to(world.now + MINUTE)
        await appeals(person, message)
    return made, cards(world)


def cards(world: Academy) -> list[Any]:
    """Return the cards about appeals as they are now, oldest first."""
    return [one for one in world.review.history() if "Appeal against a no-show" in words(one)]


async def outcomes(world: Academy, made: CoachingSession) -> tuple[SessionStatus, bool, list[ParticipantStatus]]:
    """Return what it counts as, whether the coach missed it, and what became of Stu and Sam."""
    row = await reloaded(world, made)
    return row.status, row.coach_absent, [one.status for one in row.participants]


async def test_three_people_appeal_about_one_workshop_and_each_is_decided_alone(world: Academy) -> None:
    made, posted = await missed_by_all(world)
    everyone = stu, sam, cara = world.student, world.other_student, world.coach
    for person, card in zip(everyone, posted, strict=True):
        assert f"{person.mention} says they were there." in words(card)
        assert f"Here: {person.id}." in words(card)
        assert labels(card) == {
            OVERTURN: f"session:appeal:{made.id}:of:{person.id}:decide:1",
            KEEP: f"session:appeal:{made.id}:of:{person.id}:decide:0",
        }
        [message] = told(world, person, MISSED)
        assert "An admin will decide." in words(message)
        assert "Appeal…" not in labels(message)
    assert f"**{sam.mention}** never joined" in words(posted[1])
    assert stu.mention not in words(posted[1])
    await world.restart()

    answers = await press_together(world, [(world.admin, posted[1])] * 2, label=OVERTURN)

    first, second = (words(reply(one)) for one in answers)
    assert first == f"You overturned {sam.mention}'s no-show. We've told them and their coach."
    assert second.startswith(f"{world.admin.mention} decided this <t:")
    assert await outcomes(world, made) == (SessionStatus.NO_SHOW, True, [NO_SHOW, ATTENDED])
    assert len(told(world, sam, "An admin decided: you count as present")) == 1
    assert len(told(world, cara, "An admin decided: Sam counts as present")) == 1
    assert told(world, stu, "An admin decided") == []
    assert [list(labels(card)) for card in cards(world)] == [[OVERTURN, KEEP], [], [OVERTURN, KEEP]]

    said = words(await press(world.admin, posted[0], KEEP))

    assert said == f"You kept {stu.mention}'s no-show. We've told them and their coach."
    assert len(told(world, stu, "An admin decided: you still count as a no-show")) == 1
    assert list(labels(cards(world)[0])) == ["Block student…"]

    said = words(await press(world.admin, posted[2], OVERTURN))

    assert said == f"You overturned {cara.mention}'s no-show. We've told everyone in the workshop."
    assert await outcomes(world, made) == (SessionStatus.COMPLETED, False, [NO_SHOW, ATTENDED])
    assert len(told(world, cara, "An admin decided: you count as present")) == 1
    assert len(told(world, sam, "An admin decided: your coach counts as present")) == 1
    assert len(told(world, sam, "You count as present after all")) == 1
    [theirs] = told(world, stu, MISSED)
    assert "An admin has decided." in words(theirs)

    await world.restart()
    before = await rows(world)
    for person in everyone:
        for granted in (0, 1):
            custom_id = f"session:appeal:{made.id}:of:{person.id}:decide:{granted}"
            late = words(reply(await world.press_custom_id(world.admin, custom_id)))
            assert late.startswith(f"{world.admin.mention} decided this <t:")
    assert await rows(world) == before
    story = words(reply(await world.admin.slash(world.lobby, "coaching session", code=made.code)))
    for did, person in (("granted", sam), ("refused", stu), ("granted", cara)):
        assert f"appeal {did} by {world.admin.mention}, about {person.mention}" in story
        assert f"appeal for admins, about {person.mention}" in story


async def test_one_of_two_admins_who_disagree_about_the_same_appeal_decides(world: Academy) -> None:
    made, posted = await missed_by_all(world)
    role = next(one for one in world.guild._guild.roles.values() if one.name == "Admin")
    otto = world.guild.add_member(world.env.create_user("otto", global_name="Otto"))
    world.guild._guild.members[otto.id].role_ids.append(role.id)

    results = [
        emit_press(world, admin, posted[0], labels(posted[0])[label])
        for admin, label in ((world.admin, OVERTURN), (otto, KEEP))
    ]
    await world.env.settle()

    said = [words(reply(one)) for one in results]
    [late] = [one for one in said if one.endswith("Nothing was changed.")]
    decided = no_shows.appeal_of(await reloaded(world, made), world.student.id)
    assert decided is not None
    winner, became = ((world.admin, ATTENDED), (otto, NO_SHOW))[said.index(late) == 0]
    assert decided.decided_by == winner.id
    assert await outcomes(world, made) == (SessionStatus.NO_SHOW, True, [became, NO_SHOW])
    assert len(told(world, world.student, "An admin decided")) == 1
    assert [list(labels(card)) for card in cards(world)][1:] == [[OVERTURN, KEEP]] * 2


async def test_cards_from_before_decide_the_first_appeal_and_no_other(world: Academy) -> None:
    made, _ = await missed_by_all(world)

    first = words(reply(await world.press_custom_id(world.admin, f"session:appeal:{made.id}:decide:1")))
    before = await rows(world)
    again = words(reply(await world.press_custom_id(world.admin, f"session:appeal:{made.id}:decide:1")))

    assert first == f"You overturned {world.student.mention}'s no-show. We've told them and their coach."
    assert again.startswith(f"{world.admin.mention} decided this <t:")
    assert await rows(world) == before
    assert await outcomes(world, made) == (SessionStatus.NO_SHOW, True, [ATTENDED, NO_SHOW])


async def test_an_appeal_of_somebody_else_cannot_be_made_up(world: Academy) -> None:
    made = await missed_workshop(world, world.coach)
    [message] = told(world, world.student, MISSED)
    await appeals(world.student, message)
    before = await rows(world)

    nobodys = (world.other_student.id, world.coach.id, world.outsider.id, 0, 2**63 - 1)
    refused = {
        words(reply(await world.press_custom_id(world.admin, f"session:appeal:{made.id}:of:{one}:decide:1")))
        for one in nobodys
    }

    assert refused == {"There's no such appeal in this server."}
    assert await rows(world) == before


async def test_the_coach_sees_in_the_attendance_who_appealed_and_what_was_decided(world: Academy) -> None:
    made = await missed_workshop(world, world.coach)
    for person in (world.student, world.other_student):
        [message] = told(world, person, MISSED)
        await appeals(person, message)
    await press(world.admin, cards(world)[0], KEEP)

    shown = await world.press_custom_id(world.coach, f"session:attendance:{made.id}:0")

    assert f"{world.student.mention} · **no-show** · decided by an admin" in words(reply(shown))
    assert f"{world.other_student.mention} · **no-show** · appealed" in words(reply(shown))
    assert list(labels(reply(shown))) == ["Was here after all"]


@pytest.mark.parametrize("label", [OVERTURN, KEEP], ids=["overturned", "kept"])
async def test_if_only_the_coach_missed_it_their_appeal_concerns_everyone_once_they_were_there(
    world: Academy, label: str
) -> None:
    await missed_workshop(world, world.student, world.other_student)
    [message] = told(world, world.coach, MISSED)
    assert list(labels(message)) == ["Attendance", "Appeal…"]
    await appeals(world.coach, message)

    said = words(await press(world.admin, world.card, label))

    heard = [len(told(world, one, "An admin decided")) for one in (world.student, world.other_student)]
    if label == OVERTURN:
        assert said.endswith("We've told everyone in the workshop.")
        assert heard == [1, 1]
        assert len(told(world, world.student, "Your coach was there after all")) == 1
    else:
        assert said.endswith("'s no-show. We've told them.")
        assert heard == [0, 0]
        assert len(told(world, world.student, "Your coach missed your workshop")) == 1
        assert list(labels(world.card)) == []


async def test_both_of_a_session_for_one_appeal_at_once(world: Academy) -> None:
    made = await ended_session(world)
    for person in (world.student, world.coach):
        [message] = told(world, person, "You missed your session")
        await appeals(person, message)
    theirs, hers = cards(world)

    said = [words(await press(world.admin, hers, OVERTURN)), words(await press(world.admin, theirs, KEEP))]

    stu, cara = world.student.mention, world.coach.mention
    assert said == [
        f"You overturned {cara}'s no-show. {stu} is still a no-show. We've told them both.",
        f"You kept {stu}'s no-show. We've told them both.",
    ]
    row = await reloaded(world, made)
    assert (row.status, row.coach_absent, row.student.status) == (SessionStatus.NO_SHOW, False, NO_SHOW)
    assert len(told(world, world.coach, "An admin decided: you were there, but your student wasn't")) == 1
    assert len(told(world, world.student, "An admin decided: your coach was there. You're still a no-show")) == 1
    assert len(told(world, world.coach, "An admin kept your student's no-show")) == 1
    assert len(told(world, world.student, "An admin kept your no-show")) == 1
