"""Who did not come: what the two are told, what they can press, and how an admin decides."""

from typing import Any

import pytest

from models import Absent, CoachingSession, SessionStatus
from scheduler.core.clock import stamp
from tests.support.meetings import HOUR, MINUTE, booked, met, now, opened, over, said, settings, to_the_end, told
from tests.support.presses import press_together
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, labels, press, rows, send

REASON = {"What happened": "I sat in the *other* room."}
MARKED = "It counts as a no-show of your student now. They are told, and may appeal."
UNMARKED = "It counts as completed now, and your student is told."
SENT = "The admins have got your appeal. You are told what they decide."


async def outcome(world: Academy, made: CoachingSession) -> tuple[SessionStatus, Absent | None]:
    """What the session counts as."""
    row = await now(world, made)
    return row.status, row.absent


async def appealed(world: Academy) -> tuple[CoachingSession, Any]:
    """A session to which only Cara came and about which Stu appealed, and the card for the admins."""
    made = await over(world, world.coach)
    [message] = told(world, world.student, "You were not seen")
    opened_form = await world.student.user.click(message, label="Appeal…")
    assert words(reply(await world.student.user.submit_modal(opened_form, REASON))) == SENT
    return made, world.card


async def test_a_student_who_did_not_come_is_told_and_may_appeal(open_world: Academy) -> None:
    world = open_world

    made = await over(world, world.coach)

    assert await outcome(world, made) == (SessionStatus.NO_SHOW, Absent.STUDENT)
    [theirs] = told(world, world.student, "You were not seen in your session")
    [coachs] = told(world, world.coach, "Your student did not come")
    assert list(labels(theirs)) == ["Appeal…"]
    assert list(labels(coachs)) == ["Was here after all"]
    assert f"**Student** {world.student.mention} never joined" in words(coachs)
    came = stamp(made.starts_at - 4 * MINUTE, "t")
    assert f"**Coach** {world.coach.mention} joined at {came}, 64 min inside" in words(theirs)
    assert told(world, world.student, "How was it?") == []


async def test_a_student_who_is_timed_out_is_excused_and_coach_and_admins_hear_why(open_world: Academy) -> None:
    world = open_world
    await settings(world, log_channel_id=world.lobby.id)
    until = world.now + 24 * HOUR
    world.guild._guild.members[world.student.id].timed_out_until = until.isoformat()

    made = await over(world, world.coach)
    await world.leap_to(world.now + MINUTE)

    assert await outcome(world, made) == (SessionStatus.CANCELLED, None)
    for person in (world.coach, world.student):
        [heard] = told(world, person, "Session cancelled by the bot")
        assert "The student was timed out in the server. It doesn't count as a no-show." in words(heard)
    [alert] = said(world.lobby, "Coaching needs an admin")
    assert f"{world.student.mention} couldn't come to session `{made.code}`" in words(alert)
    assert "I keep trying" not in words(alert)


async def test_a_coach_who_did_not_come_may_appeal_and_the_student_is_told(open_world: Academy) -> None:
    world = open_world

    made = await over(world, world.student)

    assert await outcome(world, made) == (SessionStatus.NO_SHOW, Absent.COACH)
    [theirs] = told(world, world.student, "Your coach did not come")
    [coachs] = told(world, world.coach, "You were not seen in your session")
    assert (list(labels(theirs)), list(labels(coachs))) == ([], ["Appeal…"])


async def test_where_nobody_came_both_are_told_and_may_appeal(open_world: Academy) -> None:
    world = open_world

    made = await over(world)

    assert await outcome(world, made) == (SessionStatus.NO_SHOW, Absent.BOTH)
    [theirs] = told(world, world.student, "You were not seen in your session")
    [coachs] = told(world, world.coach, "You were not seen in your session")
    assert list(labels(theirs)) == ["Appeal…"]
    assert list(labels(coachs)) == ["Appeal…"]
    assert world.room(made.code) is None


async def test_the_list_shows_the_coach_who_was_there_and_lets_them_change_it(open_world: Academy) -> None:
    world = open_world
    made = await over(world, world.coach, world.student)
    listed = reply(await world.coach.slash(world.lobby, "sessions"))
    theirs = reply(await world.student.slash(world.lobby, "sessions"))

    answer = await press(world.coach, listed, "Mark no-show")

    assert f"**Student** {world.student.mention} joined at {stamp(made.starts_at - 4 * MINUTE, 't')}" in words(
        listed
    )
    assert "Mark no-show" not in labels(theirs)
    assert "inside" not in words(theirs)
    assert words(answer) == MARKED
    assert await outcome(world, made) == (SessionStatus.NO_SHOW, Absent.STUDENT)
    assert len(told(world, world.student, "You were not seen in your session")) == 1

    listed = reply(await world.coach.slash(world.lobby, "sessions"))
    answer = await press(world.coach, listed, "Was here after all")

    assert words(answer) == UNMARKED
    assert await outcome(world, made) == (SessionStatus.COMPLETED, None)
    assert len(told(world, world.student, "It counts as completed after all")) == 1
    assert len(told(world, world.student, "How was it?")) == 1


async def test_pressed_twice_it_is_marked_once(open_world: Academy) -> None:
    world = open_world
    made = await over(world, world.coach, world.student)
    listed = reply(await world.coach.slash(world.lobby, "sessions"))

    answers = await press_together(world, [(world.coach, listed)] * 2, label="Mark no-show")

    assert [words(reply(one)) for one in answers] == [MARKED] * 2
    assert await outcome(world, made) == (SessionStatus.NO_SHOW, Absent.STUDENT)
    assert len(told(world, world.student, "You were not seen in your session")) == 1


async def test_nobody_but_the_coach_marks_and_nobody_but_the_absent_appeals(open_world: Academy) -> None:
    world = open_world
    made = await over(world, world.coach)
    before = await rows(world)
    marking = [f"session:noshow:{made.id}", f"session:washere:{made.id}"]

    others = (world.student, world.admin, world.outsider)
    marks = [words(reply(await world.press_custom_id(who, one))) for who in others for one in marking]
    others = (world.coach, world.admin, world.outsider)
    appeals = [
        words(reply(await world.send_custom_id(who, f"session:appeal:{made.id}", REASON))) for who in others
    ]

    assert marks == ["You coach no such session. `/sessions` lists yours."] * 6
    assert all("You don't have that no-show. `/sessions` lists your sessions." in one for one in appeals)
    assert await rows(world) == before


async def test_coaches_do_not_clear_themselves(open_world: Academy) -> None:
    world = open_world
    made = await over(world, world.student)
    before = await rows(world)

    answer = await world.press_custom_id(world.coach, f"session:washere:{made.id}")

    assert "It's your own no-show, too. If you were there, press Appeal" in words(reply(answer))
    assert await rows(world) == before


async def test_after_a_week_it_stays_as_it_is(open_world: Academy) -> None:
    world = open_world
    made = await over(world, world.coach)
    [message] = told(world, world.coach, "Your student did not come")
    await world.leap_to(made.ends_at + 7 * 24 * 60 * MINUTE + MINUTE)

    answer = await world.coach.user.click(message, label="Was here after all")

    assert words(reply(answer)).startswith("You had a week after the session to do that.")
    assert await outcome(world, made) == (SessionStatus.NO_SHOW, Absent.STUDENT)


async def test_an_appeal_is_put_before_the_admins_with_who_was_inside(open_world: Academy) -> None:
    world = open_world

    made, card = await appealed(world)

    assert f"Session `{made.code}` of {world.coach.mention} with {world.student.mention}" in words(card)
    assert f"**Student** {world.student.mention} never joined" in words(card)
    assert f"**Coach** {world.coach.mention} joined at" in words(card)
    assert "I sat in the \\*other\\* room." in words(card)
    assert list(labels(card)) == ["They were there", "The no-show stands"]
    assert await outcome(world, made) == (SessionStatus.NO_SHOW, Absent.STUDENT)


@pytest.mark.parametrize(
    ("label", "status", "answered", "heard"),
    [
        ("They were there", SessionStatus.COMPLETED, "It counts as completed now.", "you both count as present"),
        ("The no-show stands", SessionStatus.NO_SHOW, "The no-show stands.", "the no-show stands"),
    ],
)
async def test_an_admin_decides_and_both_are_told(
    open_world: Academy, label: str, status: SessionStatus, answered: str, heard: str
) -> None:
    world = open_world
    made, card = await appealed(world)
    await world.restart()

    answer = await press(world.admin, card, label)

    assert words(answer) == f"{answered} Both sides are told."
    assert (await outcome(world, made))[0] is status
    assert [len(told(world, who, f"An admin decided: {heard}")) for who in (world.coach, world.student)] == [1, 1]
    assert f"**Decided** by {world.admin.mention}" in words(world.card)
    assert world.card.id == card.id
    assert list(labels(world.card)) == ([] if status is SessionStatus.COMPLETED else ["Block student…"])


async def test_where_nobody_came_a_granted_appeal_clears_nobody_but_the_one_who_made_it(
    open_world: Academy,
) -> None:
    world = open_world
    made = await over(world)
    [message] = told(world, world.student, "You were not seen")
    opened_form = await world.student.user.click(message, label="Appeal…")
    await world.student.user.submit_modal(opened_form, REASON)

    answer = await press(world.admin, world.card, "They were there")

    assert words(answer) == (
        f"They now count as present. {world.coach.mention} is still a no-show. Both sides are told."
    )
    assert await outcome(world, made) == (SessionStatus.NO_SHOW, Absent.COACH)
    assert len(told(world, world.student, "you were there, but your coach wasn't")) == 1
    assert len(told(world, world.coach, "your student was there. You're still a no-show")) == 1
    assert told(world, world.student, "How was it?") == []
    assert "present after all" in words(world.card)
    listed = reply(await world.coach.slash(world.lobby, "sessions"))
    assert "Appeal…" in labels(listed)


async def test_the_card_of_an_appeal_says_what_the_coach_has_changed_their_mind_to(open_world: Academy) -> None:
    world = open_world
    made, card = await appealed(world)
    cards = []
    for custom_id in (f"session:washere:{made.id}", f"session:noshow:{made.id}"):
        await world.press_custom_id(world.coach, custom_id)
        cards.append((world.card.id, "The coach says by now" in words(world.card), set(labels(world.card))))

    assert cards == [
        (card.id, True, {"They were there"}),
        (card.id, False, {"They were there", "The no-show stands"}),
    ]


async def test_a_second_admin_hears_who_decided_and_changes_nothing(open_world: Academy) -> None:
    world = open_world
    made, card = await appealed(world)
    await press(world.admin, card, "The no-show stands")
    before = await rows(world)

    late = words(reply(await world.press_custom_id(world.admin, f"session:appeal:{made.id}:decide:1")))
    coachs = words(reply(await world.press_custom_id(world.coach, f"session:washere:{made.id}")))

    assert late.startswith(f"{world.admin.mention} decided this <t:")
    assert late.endswith("Nothing was changed.")
    assert coachs == f"{world.admin.mention} already decided about this session. Talk to them."
    assert await rows(world) == before


async def test_nobody_but_an_admin_decides(open_world: Academy) -> None:
    world = open_world
    made, _ = await appealed(world)
    before = await rows(world)

    refused = [
        words(reply(await world.press_custom_id(who, f"session:appeal:{made.id}:decide:{granted}")))
        for who in (world.coach, world.student, world.outsider)
        for granted in (0, 1)
    ]

    assert len(set(refused)) == 1
    assert "admin" in refused[0]
    assert await rows(world) == before


async def test_an_appeal_without_a_word_is_given_back_and_one_is_enough(open_world: Academy) -> None:
    world = open_world
    made = await over(world, world.coach)
    listed = reply(await world.student.slash(world.lobby, "sessions"))

    refused = await send(world.student, await form(world.student, listed, "Appeal…"), {"What happened": " "})
    sent = await fill(world.student, refused, "Fix it", REASON)
    again = reply(await world.send_custom_id(world.student, f"session:appeal:{made.id}", REASON))

    assert "Write what happened, so that an admin can decide." in words(refused)
    assert words(sent) == SENT
    assert f"You already appealed this {stamp(world.now, 'R')}. An admin will decide." in words(again)
    assert sum("Appeal against a no-show" in words(one) for one in world.review.history()) == 1


async def test_who_comes_after_the_grace_time_was_there_all_the_same_if_they_met(open_world: Academy) -> None:
    world = open_world
    made, room = await met(world, world.coach)
    await world.leap_to(made.starts_at + 20 * MINUTE)
    await world.student.join_voice(room)

    await to_the_end(world, made)

    assert await outcome(world, made) == (SessionStatus.COMPLETED, None)


async def test_two_who_missed_each_other_are_not_both_absent(open_world: Academy) -> None:
    world = open_world
    made = await booked(world)
    room = await opened(world, made, world.coach)
    await world.coach.leave_voice()
    await world.leap_to(made.starts_at + 2 * MINUTE)
    await world.student.join_voice(room)

    await to_the_end(world, made)

    assert await outcome(world, made) == (SessionStatus.NO_SHOW, Absent.COACH)
