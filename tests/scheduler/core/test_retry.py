"""Pauses between retries."""

from datetime import timedelta

from scheduler.core.retry import pause

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def test_a_pause_doubles_up_to_ten_minutes_and_is_at_most_a_fifth_longer() -> None:
    for attempts in range(1, 200):
        least = min(15 * SECOND * 2 ** min(attempts - 1, 6), 10 * MINUTE)

        assert all(least <= pause(attempts, of) <= least * 1.2 for of in range(20))


def test_failures_at_the_same_time_have_different_but_fixed_pauses() -> None:
    pauses = [pause(1, of) for of in range(20)]

    assert len(set(pauses)) > 10
    assert pauses == [pause(1, of) for of in range(20)]
