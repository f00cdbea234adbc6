"""The words of messages about coaches who are away, and about substitutes."""

from cogs import cards, ui
from cogs.cards import calendar_file
from cogs.cards.calendar_file import Names
from cogs.notifications import Extra, Words
from cogs.time_off import question_cards
from models import AbsenceOutcome, NotificationKind
from scheduler.core.clock import stamp
from scheduler.notifications.kinds import NotificationContext
from scheduler.parsing.dates import write_dates
from scheduler.time_off.notifications import QuestionDetails
from scheduler.time_off.summaries import Line, Summary

_MOST_LINES, _MOST_FILES = 25, 10
_NEEDLESS = "You were asked to take over a session. That's no longer needed."


def _summary(context: NotificationContext) -> ui.Item:
    found: Summary | None = context.details
    if found is None or not found.lines:
        return ui.text("Some of your sessions change. `/sessions` shows them.")
    is_coach = context.notification.user_id == found.absence.coach_id
    days = write_dates(found.absence.first, found.absence.last)
    name = ui.quoted(context.about_coach.display_name)
    lines = [f"**What changes while you're away, {days}**" if is_coach else f"**{name} is away {days}**"]
    if found.absence.reason and not is_coach:
        lines.append(ui.quoted(found.absence.reason))
    lines += [f"- {_line(one, is_coach=is_coach)}" for one in found.lines[:_MOST_LINES]]
    if (more := len(found.lines) - _MOST_LINES) > 0:
        lines.append(f"- and {more} more. `/sessions` shows them all.")
    return ui.text("\n".join([*lines, *_then(found, is_coach=is_coach)]))


def _line(one: Line, *, is_coach: bool) -> str:
    row = one.session
    what = stamp(one.was_at)
    if one.workshop is not None:
        what += f" “{ui.quoted(one.workshop.title, 60)}”"
    elif is_coach:
        what += f" with <@{row.student_id}>"
    match one.outcome:
        case AbsenceOutcome.RESCHEDULED:
            return f"{what}: rescheduled to **{stamp(row.starts_at)}**"
        case AbsenceOutcome.CANCELLED:
            credit = f", with {one.make_up_minutes} minutes of credit instead" if one.make_up_minutes else ""
            return f"{what}: **cancelled**{credit}"
        case AbsenceOutcome.TAKEN_OVER:
            return f"{what}: <@{row.coach_id}> **takes it over**"
        case _ if is_coach:
            return f"{what}: **no substitute**. It's still booked with you"
        case _:
            return f"{what}: no substitute after all. You'll hear from your coach"


def _then(found: Summary, *, is_coach: bool) -> list[str]:
    """Say what the reader can do now."""
    outcomes = {one.outcome for one in found.lines}
    if is_coach:
        return (
            ["Decide again with **Away…** in `/availability`."] if AbsenceOutcome.NO_SUBSTITUTE in outcomes else []
        )
    lines: list[str] = []
    if AbsenceOutcome.TAKEN_OVER in outcomes:
        lines.append("Prices stay the same.")
    if AbsenceOutcome.CANCELLED in outcomes:
        lines.append("To book another time, use `/book`.")
    if any(one.is_paid_by_card and one.outcome is AbsenceOutcome.CANCELLED for one in found.lines):
        lines.append("What you've paid by card goes back, unless you keep it as credit in `/sessions`.")
    return lines


def _files(context: NotificationContext, server: str) -> Extra:
    """Attach the calendar files of what changed."""
    found: Summary | None = context.details
    items: list[ui.Item] = []
    files: list[tuple[str, bytes]] = []
    reader_id = context.notification.user_id
    changed = [one for one in (found.lines if found else ()) if one.outcome is not AbsenceOutcome.NO_SUBSTITUTE]
    for one in changed[:_MOST_FILES] if len(changed) <= _MOST_FILES else ():
        row = one.session
        coach = context.names.get(row.coach_id) or context.about_coach.display_name or "your coach"
        student = None if row.is_workshop else context.names.get(row.student_id)
        names = Names(server, coach, student, one.workshop.title if one.workshop is not None else None)
        is_gone = reader_id not in row.people
        name = calendar_file.file_name(row)
        files.append((name, calendar_file.calendar_file(row, names, reader_id, is_taken_over=is_gone)))
        items.append(ui.attachment(name))
    return Extra(items, files)


def _asked(context: NotificationContext) -> ui.Item:
    details: QuestionDetails | None = context.details
    if details is None:
        return ui.text(_NEEDLESS)
    return question_cards.substitute_card(details, context.about_session, context.workshop)


def _proposed(context: NotificationContext) -> ui.Item:
    details: QuestionDetails | None = context.details
    if details is None:
        return ui.text("You were asked whether another coach may take over a session. That's no longer asked.")
    return question_cards.student_card(details, context.about_session)


def _not_needed(context: NotificationContext) -> ui.Item:
    details: QuestionDetails | None = context.details
    if details is None:
        return ui.text(_NEEDLESS)
    question = details.question
    why = question_cards.outcome(details, context.about_session, question.substitute_id)
    lines = [
        "**You needn't take this session over**",
        cards.when(question.starts_at),
        why,
        "The time is free again.",
    ]
    return ui.text("\n".join(lines))


WORDS = {
    NotificationKind.ABSENCE_SUMMARY: Words(_summary, _files),
    NotificationKind.SUBSTITUTE_ASKED: Words(_asked),
    NotificationKind.SUBSTITUTE_PROPOSED: Words(_proposed),
    NotificationKind.SUBSTITUTE_NOT_NEEDED: Words(_not_needed),
}
