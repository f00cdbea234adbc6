"""What people did, counted."""

import discord

from cogs.ui.interaction_stats import BOUNDS, InteractionStats, Waits

COMMAND, PRESS = discord.InteractionType.application_command, discord.InteractionType.component


def test_each_is_counted_under_its_kind_its_name_and_how_it_ended() -> None:
    tally = InteractionStats()

    for outcome in ("answered", "refused", "answered"):
        tally.add(COMMAND, "/book", outcome, 0.0)
    tally.add(PRESS, "book:coach:{coach_id}", "failed", 0.0)

    assert tally.outcomes == {
        ("command", "/book", "answered"): 2,
        ("command", "/book", "refused"): 1,
        ("press", "book:coach:{coach_id}", "failed"): 1,
    }


def test_who_waited_just_as_long_as_a_bound_is_within_it_and_within_all_that_are_longer() -> None:
    waits = Waits()

    for seconds in (0.05, 0.06, 2.0, 60.0):
        waits.add(seconds)

    assert [waits.within[bound] for bound in BOUNDS] == [1, 2, 2, 2, 2, 3, 3]
    assert (waits.count, waits.seconds) == (4, 62.11)


def test_who_got_no_sign_at_all_is_counted_but_did_not_wait_for_any_time() -> None:
    tally = InteractionStats()

    tally.add(COMMAND, "/book", "failed", None)

    assert tally.outcomes == {("command", "/book", "failed"): 1}
    assert tally.waits == {}
