"""When it's first seen to that a lesson is paid for."""

from datetime import timedelta

import pytest

from models import Series, SeriesPayment
from scheduler.series.pay_steps import first_step
from tests.support.builders import MONDAY


@pytest.mark.parametrize(
    ("pays_with", "cost", "ahead"),
    [
        (SeriesPayment.CREDIT, 6000, timedelta(days=14)),
        (SeriesPayment.CARD, 6000, timedelta(days=7)),
        (SeriesPayment.OTHERWISE, 6000, None),
        (SeriesPayment.CREDIT, 0, None),
        (SeriesPayment.CARD, 0, None),
    ],
)
def test_lessons_are_paid_for_ahead_by_how_their_series_is_paid(
    pays_with: SeriesPayment, cost: int, ahead: timedelta | None
) -> None:
    series = Series(pays_with=pays_with, total_cost_minor=cost)

    assert first_step(series, MONDAY) == (None if ahead is None else MONDAY - ahead)
