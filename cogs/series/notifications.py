"""The words of messages about weekly lessons."""

from cogs import ui
from cogs.notifications import Words
from cogs.series import cards
from cogs.series.calendar_file import with_calendar_file
from models import NotificationKind, SeriesStatus
from scheduler.notifications.kinds import NotificationContext
from scheduler.series.notifications import SeriesDetails

_GONE = "These weekly lessons don't exist any more."


def _request(context: NotificationContext) -> ui.Item:
    details: SeriesDetails | None = context.details
    if details is None:
        return ui.text(_GONE)
    return cards.request_card(details)


def _booked(context: NotificationContext) -> ui.Item:
    details: SeriesDetails | None = context.details
    if details is None:
        return ui.text(_GONE)
    series, is_coach = details.series, _is_for_coach(context)
    other = f"<@{series.student_id}>" if is_coach else ui.quoted(context.about_coach.display_name)
    lines = [f"**You have {cards.kind(series)} with {other} ✅**"]
    if series.decided_by is not None and not is_coach:
        lines = [f"**{other} accepted: you have {cards.kind(series)} ✅**"]
    lines += cards.booked_lines(details, context.guild, is_coach=is_coach)
    lines.append("Each lesson is a session of its own: reschedule or cancel any of them in `/sessions`.")
    return ui.Container(ui.text("\n".join(lines)), cards.all_lessons(series))


def _closed(context: NotificationContext) -> ui.Item:
    details: SeriesDetails | None = context.details
    if details is None:
        return ui.text(_GONE)
    series = details.series
    if _is_for_coach(context):
        lines = [f"**The request of <@{series.student_id}> for {cards.kind(series)} ran out**"]
        return ui.Container(ui.text("\n".join([*lines, *cards.facts(details)])))
    coach, what = ui.quoted(context.about_coach.display_name), cards.kind(series)
    lines = {
        SeriesStatus.DECLINED: [f"**{coach} can't give you {what}**"],
        SeriesStatus.LAPSED: [f"**{coach} didn't answer your request for {what}**"],
    }.get(series.status, [f"**{coach} no longer coaches here, so your request for {what} is over**"])
    if series.status is SeriesStatus.DECLINED and series.end_reason:
        lines.append(ui.block(ui.quoted(series.end_reason, 1000)))
    lines = [*lines[:1], *cards.rhythm(details), *lines[1:], "The hours are free again. Find others with `/book`."]
    return ui.Container(ui.text("\n".join(lines)))


def _is_for_coach(context: NotificationContext) -> bool:
    return context.coach is not None and context.notification.user_id == context.coach.user_id


WORDS = {
    NotificationKind.SERIES_REQUEST: Words(_request),
    NotificationKind.SERIES_BOOKED: Words(_booked, with_calendar_file),
    NotificationKind.SERIES_CLOSED: Words(_closed),
}
