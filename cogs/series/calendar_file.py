"""Write the lessons of a series as one calendar file (.ics) that Google, Apple and Outlook import.

Follows RFC 5545. Each rule is a recurring event of its own, since few calendars understand THISANDFUTURE: changing
the lessons that follow ends one event and begins the next.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from cogs import ui
from cogs.cards import calendar_file
from cogs.cards.calendar_file import About, Names
from cogs.notifications import Extra
from models import CoachingSession, Lesson, Series, SessionStatus
from scheduler.notifications.kinds import NotificationContext
from scheduler.parsing.money import write_money
from scheduler.series import rule
from scheduler.series.changes.notifications import ChangeDetails
from scheduler.series.notifications import SeriesDetails
from scheduler.series.rule import Planned
from scheduler.time.time_zones import zone

if TYPE_CHECKING:
    from icalendar import Event

Made = Sequence[tuple[Lesson, CoachingSession | None]]
"""The lessons of a series that were made, in order, each with its session if it has one."""
_LOOKED_AHEAD = 260
"""How many occurrences of lessons without an end are searched for times that the clocks skip."""


class _Shown(NamedTuple):
    """What a calendar shows of one rule."""

    first: Planned | None
    """The first lesson that takes place; None if there's none."""
    last: Planned | None
    """The last one; None if there's none, or they go on."""
    excluded: Sequence[Planned]
    """Those in between that don't take place."""
    changed: Sequence["_Changed"]


class _Changed(NamedTuple):
    """A lesson that the recurring event wouldn't show as it is, also one whose planned time the clocks skip."""

    planned: Planned
    starts_at: datetime
    ends_at: datetime
    session: CoachingSession | None
    """None if it isn't made yet."""


def with_calendar_file(context: NotificationContext, server: str) -> Extra:
    """Attach the file to a message whose details have the series and all its lessons that were `made`."""
    details: SeriesDetails | ChangeDetails | None = context.details
    if details is None or not details.made:
        return Extra([])
    series = details.series
    names = Names(server, context.about_coach.display_name, context.names.get(series.student_id))
    content = series_file(series, details.made, names, context.notification.user_id)
    return Extra([ui.attachment(file_name(series))], [(file_name(series), content)])


def file_name(series: Series) -> str:
    """Return the file's name."""
    return f"lessons-{series.code}.ics"


def series_file(series: Series, made: Made, names: Names, viewer_id: int | None) -> bytes:
    """Write all lessons of a series as they are now.

    UIDs stay the same and the SEQUENCE grows with each change, so calendars replace older versions. A rule of
    which no lesson is left removes its event.
    """
    calendar = calendar_file.new_calendar("PUBLISH")
    by_occurrence = {
        lesson.occurrence: None if one is not None and viewer_id == series.coach_id != one.coach_id else one
        for lesson, one in made  # what another coach has taken over isn't in the first one's calendar
    }
    about = _about(series, made, names, viewer_id)
    last = max([series.requested_at, *(one.ends_at for _, one in made if one is not None)])
    for position in range(len(series.rules)):
        for event in _events(series, by_occurrence, position, about, names, viewer_id):
            calendar.add_component(event)
    weeks = _LOOKED_AHEAD if _is_open(series) else 1
    calendar.add_missing_timezones(
        (series.requested_at - timedelta(days=1)).date(), (last + timedelta(weeks=2 * weeks)).date()
    )
    return calendar.to_ical()


def _is_open(series: Series) -> bool:
    return series.until is None and series.lesson_count is None and series.ends_at is None


def _about(series: Series, made: Made, names: Names, viewer_id: int | None) -> About:
    """Say what the recurring events say. Their revision grows with each change of any lesson."""
    sessions = [one for _, one in made if one is not None]
    began_at = series.decided_at or series.requested_at
    updated_at = max([began_at, *filter(None, [series.ended_at]), *(one.updated_at for one in sessions)])
    revision = calendar_file.series_revision(series.revision, series.requested_at, updated_at)
    is_coach = viewer_id == series.coach_id
    other = names.student if is_coach else names.coach
    lines = [f"Weekly lessons {series.code}"]
    if other is not None:
        other_id = series.student_id if is_coach else series.coach_id
        lines.append(f"{'Student' if is_coach else 'Coach'}: {other}, {calendar_file.profile(other_id)}")
    lines.append(f"Price of each: {write_money(series.total_cost_minor, series.currency)}")
    lines.append("Your private room opens a few minutes before the start.")
    lines += ["", series.notes] if series.notes else []
    title = calendar_file.lesson_title(names, f"lessons {series.code}", is_coach=is_coach)
    return About(
        title, "\n".join(lines), series.guild_id, series.coach_id, revision, series.requested_at, updated_at
    )


def _events(
    series: Series,
    made: Mapping[int, CoachingSession | None],
    position: int,
    about: About,
    names: Names,
    viewer_id: int | None,
) -> "Iterator[Event]":
    """Yield a rule's recurring event, then one for each of its lessons that isn't as planned."""
    from icalendar import Event  # slow to import

    own, shown = series.rules[position], _shown(series, made, position)
    main = Event()
    main.add("uid", calendar_file.series_uid(series.code, position))
    first = shown.first or rule.planned(series.rules, own.first_occurrence)
    main.add("dtstart", calendar_file.on_the_clock(first.day, own.start_minute, own.time_zone))
    length = timedelta(minutes=series.duration_minutes)
    main.add("duration", length)  # exact, whereas an end on the clock is an hour off when clocks change meanwhile
    if shown.first is not None:
        until = {"until": rule.instant_of(series.rules, shown.last)} if shown.last is not None else {}
        main.add("rrule", {"freq": "weekly", "interval": own.interval_weeks, **until})
        for one in shown.excluded:
            main.add("exdate", calendar_file.on_the_clock(one.day, own.start_minute, own.time_zone))
    calendar_file.describe(main, about, names, is_cancelled=shown.first is None)
    yield main
    for one in shown.changed:
        changed = Event()
        if one.planned.starts_at is None and one.session is not None:
            changed.add("uid", calendar_file.session_uid(one.session.code))
        else:
            changed.add("uid", calendar_file.series_uid(series.code, position))
            changed.add(
                "recurrence-id", calendar_file.on_the_clock(one.planned.day, own.start_minute, own.time_zone)
            )
        # In UTC, because a wall clock can't say which of two times it means when clocks go back.
        changed.add("dtstart", one.starts_at)
        changed.add("dtend", one.ends_at)
        said = calendar_file.about_session(one.session, names, viewer_id) if one.session is not None else about
        calendar_file.describe(changed, said._replace(revision=about.revision), names, is_cancelled=False)
        yield changed


def _shown(series: Series, made: Mapping[int, CoachingSession | None], position: int) -> _Shown:
    excluded: list[Planned] = []
    takes_place: list[Planned] = []
    changed: list[_Changed] = []
    own = series.rules[position]
    recurring = zone(own.time_zone), timedelta(minutes=series.duration_minutes)
    for planned in _planned(series, made, position):
        one = made.get(planned.occurrence)
        is_made, is_on = planned.occurrence in made, one is not None and one.status is not SessionStatus.CANCELLED
        is_recurring = planned.starts_at is not None and (is_on or not is_made)
        (takes_place if is_recurring else excluded).append(planned)
        if (is_on or is_recurring) and (other := _otherwise(planned, one, *recurring)) is not None:
            changed.append(other)
    if not takes_place:
        return _Shown(None, None, (), changed)
    first, last = takes_place[0], takes_place[-1]
    is_last_rule = position == len(series.rules) - 1
    between = [one for one in excluded if first.occurrence < one.occurrence < last.occurrence]
    return _Shown(first, None if is_last_rule and _is_open(series) else last, between, changed)


def _otherwise(
    planned: Planned, one: CoachingSession | None, local: ZoneInfo, length: timedelta
) -> _Changed | None:
    """Return a lesson by itself if the recurring event doesn't show it as it is, or calendars would disagree.

    They do about the end if the clocks change during it.
    """
    starts_at = one.starts_at if one is not None else planned.starts_at
    assert starts_at is not None, "it takes place"
    ends_at = one.ends_at if one is not None else starts_at + length
    changes_clocks = starts_at.astimezone(local).utcoffset() != ends_at.astimezone(local).utcoffset()
    if (starts_at, ends_at - starts_at) == (planned.starts_at, length) and not changes_clocks:
        return None
    return _Changed(planned, starts_at, ends_at, one)


def _planned(series: Series, made: Mapping[int, object], position: int) -> Iterator[Planned]:
    """Yield the occurrences of a rule, in order. Of lessons without an end, it's enough to look some years ahead.

    Those that were made stay part of it although the series has ended since.
    """
    rules = series.rules
    first = rules[position].first_occurrence
    is_last_rule = position == len(rules) - 1
    newest = max(made, default=-1)
    stop = newest + 1 + _LOOKED_AHEAD if is_last_rule else rules[position + 1].first_occurrence
    for occurrence in range(first, max(stop, first)):
        planned = rule.planned(rules, occurrence)
        if occurrence > newest and rule.has_ended(series, planned):
            return
        yield planned
