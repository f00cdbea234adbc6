"""Interactions are counted, without ids."""

import discord

from cogs.interaction_stats import BOUNDS, InteractionStats, Waits

COMMAND, PRESS = discord.InteractionType.application_command, discord.InteractionType.component


def test_interactions_are_counted_by_kind_name_and_outcome() -> None:
    stats = InteractionStats()

    for outcome in ("answered", "refused", "answered"):
        stats.add(COMMAND, "/book", outcome, 0.0)
    stats.add(PRESS, "book:coach:{coach_id}", "failed", 0.0)

    assert stats.outcomes == {
        ("command", "/book", "answered"): 2,
        ("command", "/book", "refused"): 1,
        ("press", "book:coach:{coach_id}", "failed"): 1,
    }


def test_a_wait_as_long_as_a_bound_is_within_it_and_all_longer_ones() -> None:
    waits = Waits()

    for seconds in (0.05, 0.06, 2.0, 60.0):
        waits.add(seconds)

    assert [waits.within[bound] for bound in BOUNDS] == [1, 2, 2, 2, 2, 3, 3]
    assert (waits.count, waits.seconds) == (4, 62.11)


def test_an_interaction_never_acknowledged_has_no_wait() -> None:
    stats = InteractionStats()

    stats.add(COMMAND, "/book", "failed", None)

    assert stats.outcomes == {("command", "/book", "failed"): 1}
    assert stats.waits == {}
