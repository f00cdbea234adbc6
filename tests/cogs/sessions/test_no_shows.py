"""No-shows: what the two people are told, what they can press, and how an admin decides."""

from typing import Any

import pytest

from models import Absent, CoachingSession, SessionStatus
from scheduler.core.clock import stamp
from tests.support.meetings import (
    HOUR,
    MINUTE,
    booked,
    ended_session,
    met,
    opened,
    reloaded,
    said,
    settings,
    to_the_end,
    told,
)
from tests.support.parameters import first_plain
from tests.support.presses import press_together
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, labels, press, rows, send

COMPLETED = (SessionStatus.COMPLETED, None)
STUDENT_ABSENT, COACH_ABSENT = (SessionStatus.NO_SHOW, Absent.STUDENT), (SessionStatus.NO_SHOW, Absent.COACH)

REASON = {"What happened": "I sat in the *other* room."}
MARKED = "Marked as a no-show. We've told your student, who can appeal."
SENT = "We've sent your appeal to the admins, and will tell you what they decide."
MISSED, DECIDED = "You missed your session", "An admin decided: "
OVERTURN, KEEP = "Overturn no-show", "Keep no-show"


async def outcome(world: Academy, made: CoachingSession) -> tuple[SessionStatus, Absent | None]:
    """Return what the session counts as."""
    row = await reloaded(world, made)
    return row.status, row.absent


async def listed(world: Academy, person: Any) -> Any:
    """Return this person's list of sessions."""
    return reply(await person.slash(world.lobby, "sessions"))


async def appealed(world: Academy, *inside: Any) -> tuple[CoachingSession, Any]:
    """Return a session that only these people came to, and the card of Stu's appeal."""
    made = await ended_session(world, *inside)
    [message] = told(world, world.student, MISSED)
    opened_form = await world.student.user.click(message, label="Appeal…")
    assert words(reply(await world.student.user.submit_modal(opened_form, REASON))) == SENT
    return made, world.card


async def test_an_absent_student_is_told_and_can_appeal(world: Academy) -> None:
    made = await ended_session(world, world.coach)

    assert await outcome(world, made) == STUDENT_ABSENT
    [theirs] = told(world, world.student, MISSED)
    [coachs] = told(world, world.coach, "Your student missed your session")
    assert list(labels(theirs)) == ["Appeal…"]
    assert list(labels(coachs)) == ["Was here after all"]
    assert "**Student** never joined" in words(coachs)
    came = stamp(made.starts_at - 4 * MINUTE, "t")
    assert f"**Coach** joined at {came}, 64 min inside" in words(theirs)
    assert told(world, world.student, "How was it?") == []


async def test_a_timed_out_student_is_excused_and_the_others_hear_why(world: Academy) -> None:
    await settings(world, log_channel_id=world.lobby.id)
    until = world.now + 24 * HOUR
    world.guild._guild.members[world.student.id].timed_out_until = until.isoformat()

    made = await ended_session(world, world.coach)
    await world.leap_to(world.now + MINUTE)

    assert await outcome(world, made) == (SessionStatus.CANCELLED, None)
    for person in (world.coach, world.student):
        [heard] = told(world, person, "Session cancelled by the bot")
        assert "The student was timed out in the server. It doesn't count as a no-show." in words(heard)
    [alert] = said(world.lobby, "Coaching needs an admin")
    assert f"{world.student.mention} couldn't come to session `{made.code}`" in words(alert)
    assert "I'll keep trying" not in words(alert)


async def test_an_absent_coach_can_appeal_and_the_student_is_told(world: Academy) -> None:
    made = await ended_session(world, world.student)

    assert await outcome(world, made) == COACH_ABSENT
    [theirs] = told(world, world.student, "Your coach missed your session")
    [coachs] = told(world, world.coach, MISSED)
    assert (list(labels(theirs)), list(labels(coachs))) == ([], ["Appeal…"])


@pytest.mark.slow
async def test_if_nobody_came_both_can_appeal(world: Academy) -> None:
    made = await ended_session(world)

    assert await outcome(world, made) == (SessionStatus.NO_SHOW, Absent.BOTH)
    for person in (world.student, world.coach):
        [message] = told(world, person, MISSED)
        assert list(labels(message)) == ["Appeal…"]
    assert world.room(made.code) is None


async def test_coaches_mark_and_unmark_a_no_show_in_their_list(world: Academy) -> None:
    made = await ended_session(world, world.coach, world.student)
    hers, his = await listed(world, world.coach), await listed(world, world.student)
    came = f"**Student** joined at {stamp(made.starts_at - 4 * MINUTE, 't')}"
    assert came in words(hers)
    assert "Mark no-show" not in labels(his)
    assert "inside" not in words(his)

    answers = await press_together(world, [(world.coach, hers)] * 2, label="Mark no-show")

    assert [words(reply(one)) for one in answers] == [MARKED] * 2
    assert await outcome(world, made) == STUDENT_ABSENT
    assert len(told(world, world.student, MISSED)) == 1

    answer = await press(world.coach, await listed(world, world.coach), "Was here after all")

    assert words(answer) == "Marked as completed. We've told your student."
    assert await outcome(world, made) == COMPLETED
    assert len(told(world, world.student, "Your session counts as completed after all")) == 1
    assert len(told(world, world.student, "How was it?")) == 1


async def test_only_the_coach_marks_and_only_the_absent_appeal(world: Academy) -> None:
    made = await ended_session(world, world.coach)
    before = await rows(world)

    for who in (world.student, world.admin, world.outsider):
        for custom_id in (f"session:noshow:{made.id}", f"session:washere:{made.id}"):
            answer = words(reply(await world.press_custom_id(who, custom_id)))
            assert answer == "You don't coach that session. `/sessions` lists yours."
    for who in (world.coach, world.admin, world.outsider):
        answer = words(reply(await world.send_custom_id(who, f"session:appeal:{made.id}", REASON)))
        assert "You don't have that no-show. `/sessions` lists your sessions." in answer

    assert await rows(world) == before


async def test_coaches_cannot_clear_themselves(world: Academy) -> None:
    made = await ended_session(world, world.student)
    before = await rows(world)

    answer = await world.press_custom_id(world.coach, f"session:washere:{made.id}")

    assert "It's your own no-show, too. If you were there, press Appeal" in words(reply(answer))
    assert await rows(world) == before


async def test_a_no_show_cannot_be_changed_after_a_week(world: Academy) -> None:
    made = await ended_session(world, world.coach)
    await world.leap_to(made.ends_at + 7 * 24 * HOUR + MINUTE)

    answer = await world.press_custom_id(world.coach, f"session:washere:{made.id}")

    assert words(reply(answer)).startswith("You had a week after the session to do that.")
    assert await outcome(world, made) == STUDENT_ABSENT


async def test_admins_see_an_appeal_with_who_was_inside(world: Academy) -> None:
    made, card = await appealed(world, world.coach)

    for part in (
        f"Session `{made.code}` of {world.coach.mention} with {world.student.mention}",
        "**Student** never joined",
        "**Coach** joined at",
        "I sat in the \\*other\\* room.",
    ):
        assert part in words(card)
    assert list(labels(card)) == [OVERTURN, KEEP]
    assert await outcome(world, made) == STUDENT_ABSENT


@pytest.mark.parametrize(
    ("label", "status", "did", "then", "heard", "left"),
    first_plain(
        [
            (
                OVERTURN,
                SessionStatus.COMPLETED,
                "overturned",
                " The session counts as completed.",
                ["An admin overturned the no-show: you both count as present"] * 2,
                [],
            ),
            (
                KEEP,
                SessionStatus.NO_SHOW,
                "kept",
                "",
                ["An admin kept your student's no-show", "An admin kept your no-show"],
                ["Block student…"],
            ),
        ]
    ),
    ids=["overturned", "kept"],
)
async def test_an_admin_decides_and_both_are_told(
    world: Academy, label: str, status: SessionStatus, did: str, then: str, heard: list[str], left: list[str]
) -> None:
    made, card = await appealed(world, world.coach)
    await world.restart()

    answer = await press(world.admin, card, label)

    assert words(answer) == f"You {did} {world.student.mention}'s no-show.{then} We've told them both."
    assert (await outcome(world, made))[0] is status
    people = (world.coach, world.student)
    assert [len(told(world, *one)) for one in zip(people, heard, strict=True)] == [1, 1]
    assert f"**Decided** by {world.admin.mention}" in words(world.card)
    assert world.card.id == card.id
    assert list(labels(world.card)) == left


async def test_if_nobody_came_an_appeal_clears_only_who_appealed(world: Academy) -> None:
    made, card = await appealed(world)

    answer = await press(world.admin, card, OVERTURN)

    assert words(answer) == (
        f"You overturned {world.student.mention}'s no-show. {world.coach.mention} is still a no-show. "
        "We've told them both."
    )
    assert await outcome(world, made) == COACH_ABSENT
    assert len(told(world, world.student, f"{DECIDED}you were there, but your coach wasn't")) == 1
    assert len(told(world, world.coach, f"{DECIDED}your student was there. You're still a no-show")) == 1
    assert told(world, world.student, "How was it?") == []
    assert "no-show overturned" in words(world.card)
    assert "Appeal…" in labels(await listed(world, world.coach))


async def test_the_appeals_card_follows_when_the_coach_changes_their_mind(world: Academy) -> None:
    made, card = await appealed(world, world.coach)

    for custom_id, says_so, buttons in (
        (f"session:washere:{made.id}", True, [OVERTURN]),
        (f"session:noshow:{made.id}", False, [OVERTURN, KEEP]),
    ):
        await world.press_custom_id(world.coach, custom_id)
        assert world.card.id == card.id
        assert ("The coach now says that the student was there" in words(world.card)) is says_so
        assert list(labels(world.card)) == buttons


async def test_after_a_decision_other_admins_and_the_coach_change_nothing(world: Academy) -> None:
    made, card = await appealed(world, world.coach)
    await press(world.admin, card, KEEP)
    before = await rows(world)

    late = words(reply(await world.press_custom_id(world.admin, f"session:appeal:{made.id}:decide:1")))
    coachs = words(reply(await world.press_custom_id(world.coach, f"session:washere:{made.id}")))

    assert late.startswith(f"{world.admin.mention} decided this <t:")
    assert late.endswith("Nothing was changed.")
    assert coachs == f"{world.admin.mention} already decided about this session. Talk to them."
    assert await rows(world) == before


async def test_only_admins_decide(world: Academy) -> None:
    made, _ = await appealed(world, world.coach)
    before = await rows(world)

    refused = {
        words(reply(await world.press_custom_id(who, f"session:appeal:{made.id}:decide:{granted}")))
        for who in (world.coach, world.student, world.outsider)
        for granted in (0, 1)
    }

    [sentence] = refused
    assert "admin" in sentence
    assert await rows(world) == before


async def test_an_appeal_needs_a_reason_and_is_sent_once(world: Academy) -> None:
    made = await ended_session(world, world.coach)
    opened_form = await form(world.student, await listed(world, world.student), "Appeal…")

    refused = await send(world.student, opened_form, {"What happened": " "})
    sent = await fill(world.student, refused, "Fix it", REASON)
    again = reply(await world.send_custom_id(world.student, f"session:appeal:{made.id}", REASON))

    assert "Write what happened, so that an admin can decide." in words(refused)
    assert words(sent) == SENT
    assert f"You already appealed this {stamp(world.now, 'R')}. An admin will decide." in words(again)
    assert sum("Appeal against a no-show" in words(one) for one in world.review.history()) == 1


@pytest.mark.slow
async def test_a_student_who_comes_late_but_meets_the_coach_was_there(world: Academy) -> None:
    made, room = await met(world, world.coach)
    await world.leap_to(made.starts_at + 20 * MINUTE)
    await world.student.join_voice(room)

    await to_the_end(world, made)

    assert await outcome(world, made) == COMPLETED


@pytest.mark.slow
async def test_if_the_coach_leaves_before_the_student_comes_only_the_coach_is_absent(world: Academy) -> None:
    made = await booked(world)
    room = await opened(world, made, world.coach)
    await world.coach.leave_voice()
    await world.leap_to(made.starts_at + 2 * MINUTE)
    await world.student.join_voice(room)

    await to_the_end(world, made)

    assert await outcome(world, made) == COACH_ABSENT
