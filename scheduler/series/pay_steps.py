"""When it's seen to that a lesson is paid for: credit two weeks before, money one week before."""

from datetime import datetime, timedelta

from models import Series, SeriesPayment

TOLD_BEFORE = timedelta(days=14)
"""How long before a lesson its student is told if their credit won't be enough."""
PAID_BEFORE = timedelta(days=7)
"""How long before a lesson its credit is reserved, or it can be paid by card."""
DECIDED_BEFORE = timedelta(hours=24)
"""How long before a lesson it's decided what becomes of it if it isn't paid for."""


def first_step(series: Series, starts_at: datetime) -> datetime | None:
    """Return when a new lesson's payment is first seen to; None if there's nothing to do before it.

    That's also in the past if the lesson is soon: then it's due at once.
    """
    if not series.total_cost_minor:
        return None
    match series.pays_with:
        case SeriesPayment.CREDIT:
            return starts_at - TOLD_BEFORE
        case SeriesPayment.CARD:
            return starts_at - PAID_BEFORE
        case _:
            return None
