"""When the background checks look at a workshop again."""

from datetime import datetime

from models import CoachingSession, SessionStatus, Workshop


def plan(workshop: Workshop, row: CoachingSession, now: datetime, *, soon: bool = False) -> None:
    """Set when the background checks look at it again: `soon`, when it's decided, starts, and ends."""
    is_open = row.status in (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)
    instants = (workshop.decide_at, row.starts_at, row.ends_at) if is_open else ()
    later = min((at for at in instants if at is not None and at > now), default=None)
    workshop.next_step_at = now if soon else later
