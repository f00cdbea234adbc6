"""When the loop has to look at a session again."""

from datetime import datetime, timedelta

from models import CoachingSession, Guild, Participant, ParticipantStatus, SessionStatus
from scheduler.sessions.lifecycle import next_step

_MEMBERSHIP_CHECK = timedelta(days=1)
"""How often to check that the student of an upcoming session is still in the server."""


def plan_next_step(row: CoachingSession, guild: Guild, now: datetime) -> None:
    """Set when the loop has to look at this session again."""
    due = next_step(row, guild, now)
    row.next_step_at = due.at if due else None
    for one in row.participants:
        plan_membership_check(one, now)


def plan_membership_check(one: Participant, now: datetime) -> None:
    """Set when to check again whether a participant is still in the server."""
    check_at, row = now + _MEMBERSHIP_CHECK, one.session
    is_far_off = row.status is SessionStatus.SCHEDULED and row.starts_at > check_at
    is_checked = is_far_off and one.status is ParticipantStatus.BOOKED
    one.membership_due_at = (one.membership_due_at or check_at) if is_checked else None
