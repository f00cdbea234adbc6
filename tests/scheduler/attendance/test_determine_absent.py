"""Whose no-show it is: the rules as a table, and against someone who checks the room every minute."""

from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models import Absent
from scheduler.attendance.attendance import Presence, Stay, determine_absent, late_from, presence
from scheduler.time.intervals import Interval
from tests.support.attended_sessions import TEN, Spell, at
from tests.support.builders import COACH, MINUTE, STUDENT


def stays_of(*spells: Spell) -> list[Stay]:
    return [Stay(user_id, at(since), at(60 if until is None else until)) for user_id, since, until in spells]


def no_show(*spells: Spell, ends: int = 60, opened: int = -5, grace: int = 15) -> Absent | None:
    """Determine it for a session from ten on; all times are minutes after ten."""
    late_at = late_from(TEN, at(ends), at(opened), grace * MINUTE)
    absent = determine_absent(
        stays_of(*spells), COACH, [STUDENT], Interval(TEN, at(ends)), dict.fromkeys((COACH, STUDENT), late_at)
    )
    return ABSENT[frozenset(absent)]


ABSENT = {
    frozenset[int](): None,
    frozenset({COACH}): Absent.COACH,
    frozenset({STUDENT}): Absent.STUDENT,
    frozenset({COACH, STUDENT}): Absent.BOTH,
}


def c(since: int, until: int = 60) -> Spell:
    """The coach is inside."""
    return COACH, since, until


def s(since: int, until: int = 60) -> Spell:
    """The student is inside."""
    return STUDENT, since, until


def blind(since: int, until: int) -> Spell:
    """Nobody watches."""
    return None, since, until


class Case(NamedTuple):
    """One line of the table."""

    says: str
    inside: list[Spell]
    whose: Absent | None
    ends: int = 60
    opened: int = -5
    grace: int = 15


CASES = [
    Case("both came and stayed", [c(-2), s(1)], None),
    Case("both were early and stayed", [c(-5), s(-4)], None),
    Case("the student didn't come", [c(0)], Absent.STUDENT),
    Case("the coach didn't come", [s(0)], Absent.COACH),
    Case("neither came", [], Absent.BOTH),
    Case("both came briefly and missed each other", [c(0, 1), s(10, 11)], None),
    Case("the student came at the last moment of the grace period", [c(0, 10), s(14, 15)], None),
    Case("the student came after the grace period, to an empty room", [c(0, 15), s(15)], Absent.STUDENT),
    Case("the coach came after the grace period, to an empty room", [s(0, 15), c(15)], Absent.COACH),
    Case("the student came late and met the coach", [c(0), s(40, 41)], None),
    Case("the coach came late and met the student", [s(0), c(59)], None),
    Case("both came late and met", [c(20), s(30)], None),
    Case("both came late and didn't meet", [c(20, 25), s(25, 30)], Absent.BOTH),
    Case("the student left before the start", [c(0), s(-5, 0)], Absent.STUDENT),
    Case("they met before the start, and the student left", [c(-5), s(-4, -1)], Absent.STUDENT),
    Case("they met before the start only", [c(-5, -1), s(-4, -1)], Absent.BOTH),
    Case("they met after the end only", [c(0), s(60, 70), c(60, 70)], Absent.STUDENT),
    Case("someone else was in the room", [c(0), (STUDENT + 1, 0, 60)], Absent.STUDENT),
    Case("the student kept joining and leaving", [c(50), s(0, 1), s(2, 3), s(55)], None),
    Case("nobody watched for less than 5 minutes", [c(0), blind(0, 4)], Absent.STUDENT),
    Case("nobody watched for 5 minutes", [c(0), blind(0, 5)], None),
    Case("nobody watched for 5 minutes in all", [c(0), blind(0, 2), blind(20, 22), blind(59, 60)], None),
    Case("two gaps overlap", [c(0), blind(0, 4), blind(1, 4)], Absent.STUDENT),
    Case(
        "the gaps were mostly before the start and after the end",
        [c(0), blind(-9, 2), blind(58, 90)],
        Absent.STUDENT,
    ),
    Case("nobody watched at all", [blind(-5, 60)], None),
    Case("the room opened late, so the grace period ends later", [c(30), s(44, 45)], None, 60, 30),
    Case(
        "the student came after the later grace period, to an empty room",
        [c(30, 45), s(45)],
        Absent.STUDENT,
        60,
        30,
    ),
    Case("the room opened so late that the grace period ends with the session", [c(50), s(59)], None, 60, 50),
    Case("without a grace period there's still a minute", [c(0), s(0, 1)], None, 60, -5, 0),
    Case("without a grace period there's only a minute", [c(0, 1), s(1)], Absent.STUDENT, 60, -5, 0),
    Case("the grace period is longer than the session", [c(0, 1), s(29, 30)], None, 30, -5, 90),
    Case("the session was ended early", [c(0), s(20)], Absent.STUDENT, 20),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_whose_no_show_it_is(case: Case) -> None:
    assert no_show(*case.inside, ends=case.ends, opened=case.opened, grace=case.grace) is case.whose


FLIPPED = {Absent.COACH: Absent.STUDENT, Absent.STUDENT: Absent.COACH, Absent.BOTH: Absent.BOTH, None: None}
OTHER = {COACH: STUDENT, STUDENT: COACH}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_the_rules_are_the_same_for_coach_and_student(case: Case) -> None:
    inside = [(OTHER.get(who or 0, who), since, until) for who, since, until in case.inside]

    whose = no_show(*inside, ends=case.ends, opened=case.opened, grace=case.grace)

    assert whose is FLIPPED[case.whose]


def checked_every_minute(spells: list[Spell], *, ends: int, opened: int, grace: int) -> Absent | None:
    """Determine the same by checking the room once a minute."""
    minutes = {
        who: {minute for one, since, until in spells if one == who for minute in range(since, until or 0)}
        for who in (COACH, STUDENT, None)
    }
    session = range(ends)
    in_time = [minute for minute in session if minute < max(0, opened) + max(1, grace)]
    if any(minute in minutes[COACH] and minute in minutes[STUDENT] for minute in session):
        return None
    coach_came = any(minute in minutes[COACH] for minute in in_time)
    student_came = any(minute in minutes[STUDENT] for minute in in_time)
    if sum(minute in minutes[None] for minute in session) >= 5:
        return None
    by_who_came = {(False, False): Absent.BOTH, (False, True): Absent.COACH, (True, False): Absent.STUDENT}
    return by_who_came.get((coach_came, student_came))


SPELLS = st.lists(
    st.builds(
        lambda who, since, length: (who, since, since + length),
        st.sampled_from([COACH, STUDENT, STUDENT + 1, None]),
        st.integers(-10, 40),
        st.one_of(st.integers(0, 3), st.integers(0, 50)),
    ),
    max_size=6,
)


@given(SPELLS, st.integers(1, 45), st.integers(-5, 44), st.integers(0, 60))
@example([(COACH, 0, 30)], 30, -5, 15)
def test_it_agrees_with_someone_who_checks_every_minute(
    spells: list[Spell], ends: int, opened: int, grace: int
) -> None:
    opened = min(opened, ends - 1)

    whose = no_show(*spells, ends=ends, opened=opened, grace=grace)

    assert whose is checked_every_minute(spells, ends=ends, opened=opened, grace=grace)


@given(SPELLS, st.sampled_from([COACH, STUDENT]))
def test_time_inside_agrees_with_counting_minutes(spells: list[Spell], who: int) -> None:
    theirs = [
        (since, until) for one, since, until in spells if one == who and until is not None and since <= until
    ]
    minutes = {minute for since, until in theirs for minute in range(since, until)}

    attended = presence(stays_of(*spells), who)

    assert attended == Presence(at(min(theirs)[0]) if theirs else None, len(minutes) * MINUTE)


def test_overlapping_stays_of_one_person_count_once() -> None:
    attended = presence(stays_of(s(5, 20), s(10, 15), s(15, 25), s(40, 41), c(0)), STUDENT)

    assert attended == Presence(at(5), 21 * MINUTE)


def test_someone_who_left_in_the_same_moment_has_joined() -> None:
    attended = presence(stays_of(s(55, 55)), STUDENT)

    assert attended == Presence(at(55), timedelta())


def test_a_stay_that_ends_before_it_begins_does_not_count() -> None:
    attended = presence(stays_of(s(20, 10)), STUDENT)

    assert attended == Presence(None, timedelta())


@pytest.mark.parametrize(
    ("ends", "opened", "grace", "late"), [(60, -5, 15, 15), (60, 10, 15, 25), (60, 50, 15, 60), (60, -5, 0, 1)]
)
def test_when_someone_counts_as_late(ends: int, opened: int, grace: int, late: int) -> None:
    assert late_from(TEN, at(ends), at(opened), grace * MINUTE) == at(late)
