"""Requests for weekly lessons, and what became of them, as their student and their coach see them."""

from cogs import routes, ui
from cogs.cards import when
from cogs.series import words
from cogs.ui.routing import Route, beside
from models import Guild, Series, SeriesStatus
from scheduler.core.clock import stamp
from scheduler.series.notifications import SeriesDetails
from scheduler.time.hour_cycle import HourCycle

ACCEPT = Route("series:accept:{series_id}")
DECLINE = Route("series:decline:{series_id}")
TAKE_BACK = Route("series:withdraw:{series_id}")

MOST_LISTED = 3
EXCERPT = 700
"""Three with so much of their notes fit into a message's 4,000 characters."""

_OUTCOMES = {
    SeriesStatus.ACTIVE: "You accepted.",
    SeriesStatus.ENDED: "You accepted. These lessons have ended.",
    SeriesStatus.DECLINED: "You declined.",
    SeriesStatus.LAPSED: "This ran out before you answered. The hours are free again.",
    SeriesStatus.WITHDRAWN: "This was taken back. The hours are free again.",
}


def request_card(details: SeriesDetails, cycle: HourCycle = HourCycle.H23, *, most: int = 1000) -> ui.Item:
    """Show a request to its coach: with buttons while it's open, then what became of it.

    `most`: how many characters of the notes.
    """
    series = details.series
    lines = [f"**<@{series.student_id}> asks for {kind(series)}**", *facts(details, cycle)]
    if series.status is not SeriesStatus.REQUESTED:
        return ui.Container(ui.text("\n".join([*lines, _OUTCOMES[series.status]])))
    if series.notes:
        lines.append(ui.block(ui.quoted(series.notes, most)))
    lines.append(f"Please answer by {stamp(series.answer_by)}. We keep these hours for them until then.")
    accept = ui.button("Accept", ACCEPT.id(series_id=series.id), ui.SUCCESS)
    return ui.Container(
        ui.text("\n".join(lines)),
        ui.row(accept, ui.button("Decline…", DECLINE.id(series_id=series.id))),
    )


def waiting_card(details: SeriesDetails, cycle: HourCycle = HourCycle.H23) -> ui.Item:
    """Show an open request to its student."""
    series = details.series
    lines = [
        f"**You've asked <@{series.coach_id}> for {kind(series)}**",
        *facts(details, cycle),
        f"Your coach can answer until {stamp(series.answer_by)}. We keep these hours for you until then.",
    ]
    take_back = ui.button("Take back", TAKE_BACK.id(series_id=series.id))
    return ui.Container(ui.text("\n".join(lines)), ui.row(take_back))


def booked_lines(
    details: SeriesDetails, guild: Guild, *, is_coach: bool, cycle: HourCycle = HourCycle.H23
) -> list[str]:
    """Write what both agreed on, and for the student how to pay."""
    series, lines = details.series, facts(details, cycle)
    if is_coach:
        return [*lines, *([ui.block(ui.quoted(series.notes, 1000))] if series.notes else [])]
    if how := words.payment(series.pays_with, series.duration_minutes) if series.total_cost_minor else "":
        lines.append(how)
    elif series.total_cost_minor and guild.payment_instructions:
        lines.append(f"**How to pay** {ui.quoted(guild.payment_instructions)}")
    return lines


def all_lessons(series: Series) -> ui.Item:
    """Lead to the lessons of a series, beside this message."""
    return ui.row(ui.button("All lessons", beside(routes.SERIES.id(series_id=series.id, page=0))))


def facts(details: SeriesDetails, cycle: HourCycle = HourCycle.H23) -> list[str]:
    """Write when the lessons are, what each costs, until when, and which of the first ones are skipped."""
    series, first = details.series, details.first
    lines = [when(first), *rhythm(details, cycle)] if first is not None else []
    lines.append(f"{words.terms(series)} · {_end(details)}")
    if skipped := [one for one in details.dates if one.is_skipped]:
        days = (stamp(one.starts_at, "D") if one.starts_at else words.plain_date(one.day) for one in skipped)
        lines.append(f"No lesson on {', '.join(days)}.")
    return lines


def rhythm(details: SeriesDetails, cycle: HourCycle = HourCycle.H23) -> list[str]:
    """Write how often the lessons are and at what time, if one of the first takes place."""
    interval, first = details.series.rules[0].interval_weeks, details.first
    return [words.rhythm(first, interval, details.zone_name, cycle)] if first is not None else []


def _end(details: SeriesDetails) -> str:
    series, first = details.series, details.first
    until = series.until
    if until is not None and first is not None:
        until -= words.days_ahead(first, series.rules[0].time_zone, details.zone_name)
    return words.end(until, series.lesson_count)


def kind(series: Series) -> str:
    """Name such lessons: "weekly lessons"."""
    return words.kind(series.rules[0].interval_weeks)
