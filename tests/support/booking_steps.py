"""Random stories about booking: how they begin, their steps, and how often each occurs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.support.booking_model import Model, Terms
from tests.support.builders import DAY, GUILD, HOUR, MINUTE, MONDAY

HERE, THERE = GUILD, GUILD + 1
CARA, CARL, STU, SAM = 2000, 2001, 3000, 3001
COACHING = [(HERE, CARA), (HERE, CARL), (THERE, CARA)]
PEOPLE = [STU, SAM, CARL, CARA]
"""Coaches can be students too."""
DAYS = {day: [(9 * 60, 12 * 60), (13 * 60, 17 * 60)] for day in range(7)}
INDIA = timedelta(hours=5, minutes=30)


def a_model() -> Model:
    """Return two servers and two coaches, one of whom coaches in both."""
    return Model(
        now=MONDAY,
        terms={
            (HERE, CARA): Terms(timedelta(), 5555, dict(DAYS), [60, 30, 90]),
            (HERE, CARL): Terms(INDIA, 7001, dict(DAYS), [60, 45], before=10, after=5),
            (THERE, CARA): Terms(timedelta(), 0, dict(DAYS), [60, 30, 90], step=15),
        },
        most_upcoming={HERE: 3, THERE: 2},
        cancel_notice={HERE: 0, THERE: 24 * 60},
    )


@dataclass(frozen=True)
class Ask:
    """A student books or holds a slot. `nth` picks a time, free or not; a held time is booked a minute later."""

    way: str
    where: tuple[int, int]
    student: int
    minutes: int
    nth: int


@dataclass(frozen=True)
class Touch:
    """Someone cancels or reschedules the `nth` session, to the time `to` picks or one that is or was held."""

    way: str
    nth: int
    who: str
    to: int
    reason: str
    anyway: bool
    """Whether a coach agrees to break their own rules."""


@dataclass(frozen=True)
class Change:
    """A coach changes one of their rules."""

    where: tuple[int, int]
    name: str
    value: Any
    days: frozenset[int]


@dataclass(frozen=True)
class Settings:
    """An admin changes the server's settings."""

    guild: int
    notice: int
    most: int


@dataclass(frozen=True)
class Wait:
    by: timedelta


Step = Ask | Touch | Change | Settings | Wait

_coaching = st.sampled_from(COACHING)
_numbers = st.integers(0, 200)
_changed = st.one_of(
    st.tuples(st.just("accepting"), st.sampled_from([True, True, True, False])),
    st.tuples(
        st.just("hours"),
        st.sampled_from([[], [(9 * 60, 12 * 60)], [(8 * 60 + 20, 11 * 60), (14 * 60, 19 * 60)]]),
    ),
    st.tuples(st.just("rate"), st.sampled_from([0, 1, 5555, 7001])),
    st.tuples(st.sampled_from(["before", "after"]), st.sampled_from([0, 10, 30])),
    st.tuples(st.sampled_from(["daily", "weekly"]), st.sampled_from([None, None, 2, 1])),
    st.tuples(st.just("notice"), st.sampled_from([0, 90, 24 * 60])),
    st.tuples(st.just("horizon"), st.sampled_from([1, 3, 9])),
)
_asks = st.builds(
    Ask,
    way=st.sampled_from(["book", "hold", "hold", "book", "book what is held", "hold again"]),
    where=_coaching,
    student=st.sampled_from(PEOPLE),
    minutes=st.sampled_from([60, 60, 60, 60, 30, 90, 45]),
    nth=_numbers,
)
_touches = st.builds(
    Touch,
    way=st.sampled_from(["cancel", "reschedule", "reschedule to what was held"]),
    nth=_numbers,
    who=st.sampled_from(["student", "student", "coach", "coach", "admin", "far admin", "stranger"]),
    to=_numbers,
    reason=st.sampled_from(["Ill", "Ill", "Ill", ""]),
    anyway=st.booleans(),
)
_changes = st.builds(
    lambda where, changed, days: Change(where, changed[0], changed[1], frozenset(days)),
    _coaching,
    _changed,
    st.sets(st.integers(0, 6), min_size=1),
)
_settings = st.builds(
    Settings, st.sampled_from([HERE, THERE]), st.sampled_from([0, 60, 24 * 60]), st.sampled_from([4, 3, 2, 1])
)
_waits = st.builds(Wait, st.sampled_from([MINUTE, 5 * MINUTE, 5 * MINUTE, 31 * MINUTE, 7 * HOUR, DAY]))

_kinds: list[st.SearchStrategy[Step]] = [*[_asks] * 7, *[_touches] * 6, _changes, _settings, _waits]
# `one_of` would drop the duplicates that weight each kind
steps = st.sampled_from(_kinds).flatmap(lambda kind: kind)
