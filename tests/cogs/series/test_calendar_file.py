"""One calendar file shows all lessons of a series, whatever was changed: other programs read it as we mean it."""

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import recurring_ical_events
from icalendar import Calendar

from cogs.cards.calendar_file import Names
from cogs.series.calendar_file import file_name, series_file
from models import (
    CoachingSession,
    Lesson,
    Series,
    SeriesPayment,
    SeriesRule,
    SeriesStatus,
    SessionStatus,
    SkipReason,
)
from scheduler.series import rule
from tests.support.builders import COACH, GUILD, HOUR, MINUTE, MONDAY, STUDENT, session_for_one

NAMES = Names("Academy", "Cara", "Stu")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC")
WEEK = timedelta(weeks=1)
SINCE, UNTIL = MONDAY - 4 * WEEK, MONDAY + 70 * WEEK


@dataclass
class Lessons:
    """A series in memory, with the lessons that were made of it."""

    series: Series
    made: list[tuple[Lesson, CoachingSession | None]] = field(default_factory=list)

    def make(self, count: int) -> None:
        """Make the next lessons, as long as the series goes on."""
        for planned in rule.occurrences(self.series, len(self.made)):
            if count == 0:
                return
            count -= 1
            one = self._session(planned.starts_at) if planned.starts_at is not None else None
            skipped = None if one is not None else SkipReason.CLOCKS
            lesson = Lesson(occurrence=planned.occurrence, day=planned.day, skipped=skipped)
            self.made.append((lesson, one))

    def _session(self, starts_at: datetime) -> CoachingSession:
        ends_at = starts_at + timedelta(minutes=self.series.duration_minutes)
        return session_for_one(
            guild_id=GUILD,
            code=f"s{len(self.made)}",
            coach_id=COACH,
            student_id=STUDENT,
            starts_at=starts_at,
            ends_at=ends_at,
            status=SessionStatus.SCHEDULED,
            total_cost_minor=6000,
            currency="USD",
            created_at=MONDAY,
            updated_at=MONDAY,
            revision=0,
        )

    @property
    def upcoming(self) -> list[CoachingSession]:
        """The sessions that take place."""
        return [one for _, one in self.made if one is not None and one.status is not SessionStatus.CANCELLED]

    def read(self, viewer_id: int = STUDENT) -> Any:
        """Write the file and parse it with icalendar."""
        [calendar] = Calendar.from_ical(series_file(self.series, self.made, NAMES, viewer_id), multiple=True)
        return calendar

    def expanded(self, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
        """Return start and end of what a calendar shows that starts in `[since, until)`."""
        found: list[Any] = recurring_ical_events.of(self.read()).between(since - 2 * WEEK, until + 2 * WEEK)
        times = [
            (one.start.astimezone(UTC), one.end.astimezone(UTC))
            for one in found
            if one.get("status") != "CANCELLED"
        ]
        return sorted(one for one in times if since <= one[0] < until)


def lessons(*, made: int = 10, **changed: Any) -> Lessons:
    """Make Tuesdays at 16:00 in Berlin, an hour each, from early March on."""
    values: dict[str, Any] = {"minute": 16 * 60, "zone": "Europe/Berlin", "interval": 1, "day": date(2026, 3, 3)}
    values |= changed
    own = SeriesRule(
        first_occurrence=0,
        first_day=values.pop("day"),
        start_minute=values.pop("minute"),
        time_zone=values.pop("zone"),
        interval_weeks=values.pop("interval"),
    )
    fields: dict[str, Any] = {
        "guild_id": GUILD,
        "code": "q7kd2mq",
        "coach_id": COACH,
        "student_id": STUDENT,
        "status": SeriesStatus.ACTIVE,
        "duration_minutes": 60,
        "total_cost_minor": 6000,
        "currency": "USD",
        "pays_with": SeriesPayment.OTHERWISE,
        "requested_at": MONDAY - 7 * 24 * HOUR,
        "revision": 0,
        "rules": [own],
    }
    found = Lessons(Series(**fields | values))
    found.make(made)
    return found


def touch(one: Lessons, session: CoachingSession) -> None:
    """Note that a session was changed, a second after the change before."""
    latest = max(session.updated_at for _, session in one.made if session is not None)
    session.updated_at = latest + timedelta(seconds=1)


def skip(one: Lessons, occurrence: int) -> None:
    """Skip a lesson by hand."""
    lesson, session = one.made[occurrence]
    lesson.skipped = SkipReason.BY_HAND
    if session is not None:
        session.status = SessionStatus.CANCELLED
        touch(one, session)


def move(one: Lessons, occurrence: int, by: timedelta) -> None:
    """Reschedule a lesson by hand."""
    session = one.made[occurrence][1]
    if session is not None:
        session.starts_at += by
        session.ends_at += by
        touch(one, session)


def extend(one: Lessons, occurrence: int, by: timedelta) -> None:
    """Have a lesson end at another time."""
    session = one.made[occurrence][1]
    if session is not None and session.duration + by > timedelta(0):
        session.ends_at += by
        touch(one, session)


def change_following(one: Lessons, occurrence: int, **rule_fields: Any) -> None:
    """Have a new rule from one lesson on. What was moved by hand stays."""
    series, before = (
        one.series,
        {lesson.occurrence: rule.planned(one.series.rules, lesson.occurrence) for lesson, _ in one.made},
    )
    kept = [rule_ for rule_ in series.rules if rule_.first_occurrence < occurrence]
    series.rules = [*kept, SeriesRule(first_occurrence=occurrence, **rule_fields)]
    series.revision += 1
    for lesson, session in one.made[occurrence:]:
        planned = rule.planned(series.rules, lesson.occurrence).starts_at
        if session is None or session.starts_at != before[lesson.occurrence].starts_at:
            continue
        if planned is None:
            session.status, lesson.skipped = SessionStatus.CANCELLED, SkipReason.CLOCKS
        else:
            session.starts_at, session.ends_at = planned, planned + session.duration
        touch(one, session)


def end(one: Lessons, at: datetime) -> None:
    """End the series at an instant."""
    one.series.ends_at = one.series.ended_at = at
    one.series.revision += 1
    for lesson, session in one.made:
        if session is not None and session.starts_at >= at:
            skip(one, lesson.occurrence)


def test_every_lesson_is_in_the_file_also_after_the_clocks_change() -> None:
    found = lessons(made=8)

    shown = found.expanded(MONDAY, MONDAY + 8 * WEEK)

    assert shown == [(one.starts_at, one.ends_at) for one in found.upcoming]
    assert {one.starts_at.hour for one in found.upcoming} == {15, 14}  # the clock in Berlin is 16:00 in both


def test_it_is_one_recurring_event_with_its_zone() -> None:
    calendar = lessons().read()

    [event] = calendar.events
    assert event["rrule"].to_ical() == b"FREQ=WEEKLY;INTERVAL=1"
    assert b"DTSTART;TZID=Europe/Berlin:20260303T160000" in event.to_ical()
    assert [one["tzid"] for one in calendar.timezones] == ["Europe/Berlin"]
    assert not calendar.get_missing_tzids()


def test_lessons_that_have_not_been_made_yet_are_shown_too() -> None:
    found = lessons(made=4)

    shown = found.expanded(MONDAY, MONDAY + 30 * WEEK)

    assert len(shown) == 30


@pytest.mark.parametrize("ends", [{"lesson_count": 6}, {"until": date(2026, 4, 9)}])
def test_they_end_with_the_last_lesson(ends: dict[str, Any]) -> None:
    found = lessons(made=4, **ends)

    shown = found.expanded(MONDAY, MONDAY + 30 * WEEK)

    assert len(shown) == 6


def test_a_skipped_lesson_is_left_out() -> None:
    found = lessons(made=5)
    skip(found, 2)

    shown = found.expanded(MONDAY, MONDAY + 5 * WEEK)

    assert shown == [(one.starts_at, one.ends_at) for one in found.upcoming]
    assert len(shown) == 4
    assert b"EXDATE;TZID=Europe/Berlin:20260317T160000" in found.read().to_ical()


def test_a_skipped_first_lesson_is_not_where_the_event_begins() -> None:
    found = lessons(made=5)
    skip(found, 0)

    [event] = found.read().events

    assert event.start.date() == date(2026, 3, 10)


def test_a_rescheduled_lesson_is_shown_at_its_own_time_and_only_it() -> None:
    found = lessons(made=5)
    move(found, 1, 26 * HOUR)

    calendar = found.read()

    assert found.expanded(MONDAY, MONDAY + 5 * WEEK) == [(one.starts_at, one.ends_at) for one in found.upcoming]
    main, changed = calendar.events
    assert changed["uid"] == main["uid"]
    assert changed["recurrence-id"].dt == datetime(2026, 3, 10, 15, tzinfo=UTC)


def test_changing_the_following_ends_one_event_and_begins_the_next() -> None:
    found = lessons(made=8)
    monday_mornings = {"start_minute": 9 * 60, "time_zone": "Europe/Berlin", "interval_weeks": 1}

    change_following(found, 3, first_day=date(2026, 3, 23), **monday_mornings)

    before, after = found.read().events
    assert before["uid"] != after["uid"]
    assert before["rrule"]["until"] == [datetime(2026, 3, 17, 15, tzinfo=UTC)]
    assert "until" not in after["rrule"]
    assert found.expanded(MONDAY, MONDAY + 7 * WEEK) == [(one.starts_at, one.ends_at) for one in found.upcoming]


def test_a_rule_of_which_no_lesson_is_left_takes_its_event_out_of_the_calendar() -> None:
    found = lessons(made=3)
    end(found, MONDAY)

    [event] = found.read().events

    assert event["status"] == "CANCELLED"
    assert "rrule" not in event
    assert found.expanded(MONDAY, MONDAY + 30 * WEEK) == []


def test_a_time_that_the_clocks_skip_is_left_out_years_ahead() -> None:
    found = lessons(made=2, minute=150, day=date(2026, 3, 15))  # Sundays at 02:30

    shown = found.expanded(MONDAY, MONDAY + 100 * WEEK)

    clocks_forward = {date(2026, 3, 29), date(2027, 3, 28)}
    assert len(shown) == 97
    assert not clocks_forward & {start.date() for start, _ in shown}


def test_a_lesson_during_which_the_clocks_change_is_as_long_as_the_others() -> None:
    found = lessons(made=2, minute=75, day=date(2026, 3, 15), duration_minutes=120)  # Sundays at 01:15

    shown = found.expanded(MONDAY, MONDAY + 60 * WEEK)

    assert {end - start for start, end in shown} == {2 * HOUR}


def test_an_ended_series_is_shown_until_then() -> None:
    found = lessons(made=8)
    end(found, MONDAY + 3 * WEEK)

    assert len(found.expanded(MONDAY, MONDAY + 30 * WEEK)) == 3


def test_every_change_raises_the_sequence_of_every_event() -> None:
    found = lessons(made=5)
    changes: Sequence[Callable[[], None]] = (
        lambda: skip(found, 2),
        lambda: move(found, 1, HOUR),
        lambda: end(found, MONDAY + 4 * WEEK),
    )
    seen = [{int(event["sequence"]) for event in found.read().events}]

    for change in changes:
        change()
        seen.append({int(event["sequence"]) for event in found.read().events})

    assert all(len(one) == 1 for one in seen)
    assert sorted(max(one) for one in seen) == [max(one) for one in seen]
    assert len({max(one) for one in seen}) == 4


def test_student_and_coach_read_each_others_names() -> None:
    found = lessons()

    names = [str(found.read(viewer).events[0]["summary"]) for viewer in (STUDENT, COACH)]

    assert names == ["Coaching with Cara", "Coaching Stu"]
    assert file_name(found.series) == "lessons-q7kd2mq.ics"


def a_change(one: Lessons, dice: random.Random) -> None:
    """Change something at random: a lesson, those that follow, or the end."""
    occurrence = dice.randrange(len(one.made))
    match dice.randrange(8):
        case 0 | 1:
            skip(one, occurrence)
        case 2 | 3:
            move(one, occurrence, dice.randrange(-5000, 5000) * MINUTE)
        case 4:
            extend(one, occurrence, dice.choice((-30, 15, 30)) * MINUTE)
        case 5:
            for paused in range(occurrence, min(occurrence + dice.randrange(1, 5), len(one.made))):
                skip(one, paused)
        case 6 if one.series.ends_at is None:
            day = rule.planned(one.series.rules, occurrence).day + timedelta(days=dice.randrange(0, 6))
            change_following(
                one,
                occurrence,
                first_day=day,
                start_minute=a_minute(dice),
                time_zone=dice.choice(ZONES),
                interval_weeks=dice.choice((1, 2)),
            )
        case _ if dice.random() < 0.2 and one.series.ends_at is None:
            end(one, rule.instant_of(one.series.rules, rule.planned(one.series.rules, occurrence)))
        case _:
            one.make(dice.randrange(6))


def a_minute(dice: random.Random) -> int:
    """Return a minute of the day, often one at which clocks change."""
    return dice.choice((dice.randrange(0, 1440, 5), dice.randrange(60, 240, 15)))


def check_random_changes(seed: int) -> None:
    """Change a series at random, and compare what calendars show with its lessons after each change."""
    dice = random.Random(seed)
    ends = dice.choice(({}, {}, {"lesson_count": dice.randrange(2, 40)}, {"until": date(2026, 12, 1)}))
    found = lessons(
        made=dice.randrange(4, 30),
        minute=a_minute(dice),
        zone=dice.choice(ZONES),
        interval=dice.choice((1, 2)),
        day=date(2026, 3, 1) + timedelta(days=dice.randrange(240)),
        duration_minutes=dice.choice((30, 60, 90, 180)),
        **ends,
    )
    length = timedelta(minutes=found.series.duration_minutes)
    for _ in range(8):
        later = itertools.islice(rule.occurrences(found.series, len(found.made)), 100)
        planned = [(one.starts_at, one.starts_at + length) for one in later if one.starts_at is not None]
        upcoming = [(one.starts_at, one.ends_at) for one in found.upcoming]
        expected = sorted(one for one in (*upcoming, *planned) if SINCE <= one[0] < UNTIL)

        assert found.expanded(SINCE, UNTIL) == expected, seed
        a_change(found, dice)


@pytest.mark.parametrize("seed", range(25))
def test_after_any_changes_a_calendar_shows_exactly_the_lessons(seed: int) -> None:
    check_random_changes(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(8))
def test_after_any_changes_a_calendar_shows_exactly_the_lessons_of_many_series(block: int) -> None:
    for seed in range(100 + block * 50, 150 + block * 50):
        check_random_changes(seed)
