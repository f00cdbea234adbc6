"""What a session needs next, and when."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import CoachingSession, Guild, SessionStatus
from scheduler.rooms.shared_rooms import release
from scheduler.sessions.lifecycle import Due, Step, hard_limit, linger_ends_at, next_step
from tests.support.builders import HOUR, MINUTE, MONDAY

START, END = MONDAY, MONDAY + HOUR


def with_leads(room: int, access: int, linger: int) -> Guild:
    return Guild(room_lead_minutes=room, access_lead_minutes=access, linger_minutes=linger)


def replace(row: CoachingSession, **changed: object) -> CoachingSession:
    present = {column.key: getattr(row, column.key) for column in CoachingSession.__table__.columns}
    return CoachingSession(**present | changed)


LEADS, NO_LEADS = with_leads(15, 5, 15), with_leads(0, 0, 0)

BOOKED = CoachingSession(
    status=SessionStatus.SCHEDULED, starts_at=START, ends_at=END, discord_setup_complete=False, rooms_lost=0
)
ROOM_INTENDED = replace(BOOKED, room_intended_at=MONDAY - 15 * MINUTE)
ROOM_MADE = replace(ROOM_INTENDED, discord_setup_complete=True)
ROOM_OPEN = replace(ROOM_MADE, access_granted_at=MONDAY - 5 * MINUTE)
RUNNING = replace(ROOM_OPEN, status=SessionStatus.IN_PROGRESS)
OVER = replace(RUNNING, status=SessionStatus.COMPLETED)
ROOM_GONE = replace(OVER, room_removed_at=END)


def minutes(after_start: int) -> datetime:
    return START + after_start * MINUTE


def cancelled(row: CoachingSession, at: int) -> CoachingSession:
    return replace(row, status=SessionStatus.CANCELLED, cancelled_at=minutes(at))


NORMAL_LIFE = [
    ("booked", BOOKED, -600, (Step.MAKE_ROOM, -15)),
    ("room time", BOOKED, -15, (Step.MAKE_ROOM, -15)),
    ("room made", ROOM_MADE, -15, (Step.OPEN_ROOM, -5)),
    ("room open", ROOM_OPEN, -5, (Step.START, 0)),
    ("running", RUNNING, 0, (Step.FINISH, 60)),
    ("over: the room goes as soon as it's empty", OVER, 60, (Step.REMOVE_ROOM, 60)),
    ("a no-show is over too", replace(OVER, status=SessionStatus.NO_SHOW), 60, (Step.REMOVE_ROOM, 60)),
    ("room gone", ROOM_GONE, 75, None),
]

AFTER_A_DOWNTIME = [
    ("down when the room was due", BOOKED, -10, (Step.MAKE_ROOM, -15)),
    ("down when it was due to open, too", BOOKED, -2, (Step.MAKE_ROOM, -15)),
    ("then the room opens at once", ROOM_MADE, -2, (Step.OPEN_ROOM, -5)),
    ("down at the start", BOOKED, 10, (Step.MAKE_ROOM, -15)),
    ("then it opens before the status changes", ROOM_MADE, 10, (Step.OPEN_ROOM, -5)),
    ("then it starts", ROOM_OPEN, 10, (Step.START, 0)),
    ("a running session without a room still gets one", replace(BOOKED, status=SessionStatus.IN_PROGRESS), 59,
     (Step.MAKE_ROOM, -15)),
    ("at the end, a room no longer helps", BOOKED, 60, (Step.START, 0)),
    ("down for the whole session", BOOKED, 600, (Step.START, 0)),
    ("then it ends", replace(BOOKED, status=SessionStatus.IN_PROGRESS), 600, (Step.FINISH, 60)),
    ("then there's no room to remove", replace(BOOKED, status=SessionStatus.COMPLETED), 600, None),
    ("a room doesn't open after the end", ROOM_MADE, 60, (Step.START, 0)),
    ("and is removed", replace(ROOM_MADE, status=SessionStatus.COMPLETED), 600, (Step.REMOVE_ROOM, 60)),
    ("so is one that was only intended", replace(ROOM_INTENDED, status=SessionStatus.COMPLETED), 600,
     (Step.REMOVE_ROOM, 60)),
]  # fmt: skip

CANCELLED = [
    ("before the room", cancelled(BOOKED, -60), -60, None),
    ("while the room is being made", cancelled(ROOM_INTENDED, -14), -14, (Step.REMOVE_ROOM, -14)),
    ("after the room was made", cancelled(ROOM_MADE, -10), -10, (Step.REMOVE_ROOM, -10)),
    ("after it was opened", cancelled(ROOM_OPEN, -3), -3, (Step.REMOVE_ROOM, -3)),
    ("while it runs: at once, without lingering", cancelled(RUNNING, 20), 20, (Step.REMOVE_ROOM, 20)),
    ("noticed only later", cancelled(ROOM_OPEN, -3), 600, (Step.REMOVE_ROOM, -3)),
    ("after the room was removed", cancelled(ROOM_GONE, -3), 0, None),
]

RESCHEDULED = [
    ("with its room, more than an hour too early", ROOM_MADE, -76, (Step.REMOVE_ROOM, -76)),
    ("to the next week", ROOM_MADE, -9999, (Step.REMOVE_ROOM, -9999)),
    ("with a room that was only intended", ROOM_INTENDED, -76, (Step.REMOVE_ROOM, -76)),
    ("with a room that's still open", ROOM_OPEN, -76, (Step.REMOVE_ROOM, -76)),
    ("with its room, an hour too early", ROOM_MADE, -75, (Step.OPEN_ROOM, -5)),
    ("within the hour, while the room was being made", ROOM_INTENDED, -75, (Step.MAKE_ROOM, -15)),
    ("before it had a room", BOOKED, -76, (Step.MAKE_ROOM, -15)),
]  # fmt: skip


def deleted(at: int, times: int = 1) -> CoachingSession:
    return replace(BOOKED, rooms_lost=times, room_lost_at=minutes(at))


DELETED = [
    ("deleted repeatedly, it isn't made before the pause is over", deleted(-3), -4,
     (Step.MAKE_ROOM, -3)),
    ("deleted long before its time, it's made in time", deleted(-90), -90,
     (Step.MAKE_ROOM, -15)),
    ("if the pause outlasts the session, it just starts", deleted(61), -4,
     (Step.START, 0)),
]  # fmt: skip

EVERY_CASE = [*NORMAL_LIFE, *AFTER_A_DOWNTIME, *CANCELLED, *RESCHEDULED, *DELETED]


@pytest.mark.parametrize(
    ("row", "now", "due"), [case[1:] for case in EVERY_CASE], ids=[case[0] for case in EVERY_CASE]
)
def test_the_next_step_is(row: CoachingSession, now: int, due: tuple[Step, int] | None) -> None:
    expected = Due(due[0], minutes(due[1])) if due else None

    assert next_step(row, LEADS, minutes(now)) == expected


@pytest.mark.parametrize(
    ("row", "now", "passed_over", "due"),
    [
        (BOOKED, -10, {Step.MAKE_ROOM}, (Step.START, 0)),
        (BOOKED, 5, {Step.MAKE_ROOM}, (Step.START, 0)),
        (ROOM_MADE, 5, {Step.OPEN_ROOM}, (Step.START, 0)),
        (replace(BOOKED, status=SessionStatus.IN_PROGRESS), 5, {Step.MAKE_ROOM}, (Step.FINISH, 60)),
        (BOOKED, -10, {Step.MAKE_ROOM, Step.START}, None),
        (OVER, 75, {Step.REMOVE_ROOM}, None),
        (ROOM_MADE, -76, {Step.REMOVE_ROOM}, (Step.START, 0)),
    ],
    ids=[
        "not made before the start",
        "not made after it",
        "not opened",
        "running without a room",
        "nothing works",
        "not removed",
        "not removed after rescheduling",
    ],
)
def test_a_step_that_fails_does_not_hold_up_the_others(
    row: CoachingSession, now: int, passed_over: set[Step], due: tuple[Step, int] | None
) -> None:
    expected = Due(due[0], minutes(due[1])) if due else None

    assert next_step(row, LEADS, minutes(now), except_for=passed_over) == expected


def lived(row: CoachingSession, guild: Guild, now: datetime) -> list[Step]:
    """Return the steps from now on, each taken when it's due, or at once if it's late."""
    done: list[Step] = []
    while (due := next_step(row, guild, now)) is not None and len(done) < 20:
        now = max(now, due.at)
        done.append(due.step)
        match due.step:
            case Step.MAKE_ROOM:
                row = replace(row, room_intended_at=now, discord_setup_complete=True)
            case Step.OPEN_ROOM:
                row = replace(row, access_granted_at=now)
            case Step.START:
                row = replace(row, status=SessionStatus.IN_PROGRESS)
            case Step.FINISH:
                row = replace(row, status=SessionStatus.COMPLETED)
            case Step.REMOVE_ROOM:
                row = replace(row)
                release(row, now)
    return done


WHOLE_LIFE = [Step.MAKE_ROOM, Step.OPEN_ROOM, Step.START, Step.FINISH, Step.REMOVE_ROOM]


@pytest.mark.parametrize("guild", [LEADS, NO_LEADS, with_leads(15, 15, 0)])
@pytest.mark.parametrize("now", [-600, -15, -5, -1, 0, 30, 59])
def test_the_steps_and_their_order_are_the_same_however_late_they_begin(guild: Guild, now: int) -> None:
    assert lived(BOOKED, guild, minutes(now)) == WHOLE_LIFE


@pytest.mark.parametrize("row", [ROOM_INTENDED, ROOM_MADE, ROOM_OPEN])
@pytest.mark.parametrize("guild", [LEADS, NO_LEADS])
def test_a_session_rescheduled_to_a_later_date_loses_its_room_and_begins_again(
    row: CoachingSession, guild: Guild
) -> None:
    assert lived(row, guild, minutes(-600)) == [Step.REMOVE_ROOM, *WHOLE_LIFE]


def test_without_lead_times_the_room_is_made_opened_and_removed_on_time() -> None:
    assert next_step(BOOKED, NO_LEADS, START) == Due(Step.MAKE_ROOM, START)
    assert next_step(ROOM_MADE, NO_LEADS, START) == Due(Step.OPEN_ROOM, START)
    assert next_step(ROOM_OPEN, NO_LEADS, START) == Due(Step.START, START)
    assert next_step(OVER, NO_LEADS, END) == Due(Step.REMOVE_ROOM, END)


def test_a_session_that_passed_while_the_bot_was_down_gets_no_room() -> None:
    assert lived(BOOKED, LEADS, END) == [Step.START, Step.FINISH]


@given(
    now=st.integers(-3000, 3000).map(minutes),
    room=st.integers(0, 120),
    access=st.integers(0, 120),
    linger=st.integers(0, 120),
    length=st.integers(1, 300),
)
def test_every_session_starts_and_then_ends(
    now: datetime, room: int, access: int, linger: int, length: int
) -> None:
    guild = with_leads(max(room, access), access, linger)
    row = replace(BOOKED, ends_at=START + length * MINUTE)

    steps = lived(row, guild, now)

    assert steps == ([Step.START, Step.FINISH] if now >= row.ends_at else WHOLE_LIFE)


def test_people_can_linger_after_the_end_and_an_hour_later_the_room_goes_anyway() -> None:
    assert linger_ends_at(OVER, LEADS) == END + 15 * MINUTE
    assert hard_limit(OVER, LEADS) == END + 75 * MINUTE


def test_after_a_cancellation_nobody_lingers() -> None:
    called_off = cancelled(RUNNING, 20)

    assert linger_ends_at(called_off, LEADS) == minutes(20)
    assert hard_limit(called_off, LEADS) == minutes(80)


@pytest.mark.parametrize(
    ("times_lost", "pause"), [(1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (6, 10), (1000, 10)], ids=str
)
def test_a_deleted_room_comes_back_at_once_the_first_time_then_after_growing_pauses(
    times_lost: int, pause: int
) -> None:
    row = replace(deleted(0, times_lost), status=SessionStatus.IN_PROGRESS)

    assert next_step(row, LEADS, START) == Due(Step.MAKE_ROOM, minutes(pause))
