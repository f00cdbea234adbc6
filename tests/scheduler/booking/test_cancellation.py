"""When a session can be cancelled, and when that is late."""

from datetime import timedelta

import pytest

from models import CoachingSession, Guild
from models.storage.database import Database
from scheduler.booking.cancellation import cancel, is_late
from scheduler.core.actor import Actor
from scheduler.core.errors import TooLate
from tests.support.attended_sessions import at, both_came
from tests.support.builders import COACH, GUILD, HOUR, MONDAY, STUDENT, refusal

A_DAY_OF_NOTICE = Guild(id=GUILD, cancel_notice_minutes=24 * 60)
BOOKED = CoachingSession(guild_id=GUILD, coach_id=COACH, student_id=STUDENT, starts_at=MONDAY)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("before", "late"), [(24 * HOUR + MOMENT, False), (24 * HOUR, False), (24 * HOUR - MOMENT, True)]
)
def test_a_student_may_cancel_until_exactly_the_notice_before_the_start(before: timedelta, late: bool) -> None:
    assert is_late(BOOKED, A_DAY_OF_NOTICE, Actor(STUDENT), MONDAY - before) is late


def test_without_notice_a_student_may_cancel_until_the_start() -> None:
    no_notice = Guild(id=GUILD, cancel_notice_minutes=0)

    assert not is_late(BOOKED, no_notice, Actor(STUDENT), MONDAY)
    assert is_late(BOOKED, no_notice, Actor(STUDENT), MONDAY + MOMENT)


def test_a_coach_is_never_late() -> None:
    assert not is_late(BOOKED, A_DAY_OF_NOTICE, Actor(COACH), MONDAY)


@pytest.mark.parametrize("user_id", [COACH, STUDENT])
async def test_once_both_have_met_a_session_can_only_be_ended(db: Database, user_id: int) -> None:
    session_id = await both_came(db)

    refused = await refusal(db, TooLate, lambda s: cancel(s, session_id, Actor(user_id), GUILD, "", at(10)))

    assert "**End now**" in str(refused)
