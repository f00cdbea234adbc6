"""The words of messages about what became of weekly lessons."""

from cogs import routes, ui
from cogs.cards.session_message import session_card
from cogs.notifications import Words
from cogs.series import panels, words
from cogs.series.calendar_file import with_calendar_file
from cogs.ui.routing import beside
from models import NotificationKind, SkipReason
from scheduler.core.clock import stamp
from scheduler.notifications.kinds import NotificationContext
from scheduler.series.changes.notifications import ChangeDetails
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import zone

_GONE = "These weekly lessons don't exist any more."
_LONGEST = 1000


def _back(context: NotificationContext) -> ui.Item:
    return session_card(context, "This weekly lesson takes place after all", has_file=True)


def _moved(context: NotificationContext, details: ChangeDetails) -> list[str]:
    one = context.session
    since = f" From {stamp(details.next_at)} on." if details.next_at is not None else ""
    lines = [f"**{_kind(details)} {_people(context, details)} are at another time**"]
    lines.append(f"{panels.rule_in_words(details.rule)}.{since}")
    lines += _by_hand(details)
    return lines + _why(context, one.rescheduled_by if one else None, one.reschedule_reason if one else None)


def _paused(context: NotificationContext, details: ChangeDetails) -> list[str]:
    one = context.session
    lines = [f"**{_kind(details)} {_people(context, details)} are paused**"]
    skipped = [each for each in details.since_first if each.lesson.skipped is SkipReason.PAUSED]
    lines += [f"No lesson {stamp(each.starts_at, 'f')}" for each in skipped if each.starts_at is not None]
    if details.next_at is not None:
        lines.append(f"They go on at the same hour: the next lesson is {stamp(details.next_at)}.")
    return lines + _why(context, one.cancelled_by if one else None, one.cancel_reason if one else None)


def _ended(context: NotificationContext, details: ChangeDetails) -> list[str]:
    series = details.series
    lines = [f"**{_kind(details)} {_people(context, details)} end**"]
    ahead = [stamp(each.starts_at, "f") for each in details.lessons if each.takes_place and each.starts_at]
    if ahead:
        lines.append(f"These still take place: {', '.join(ahead)}.")
    elif series.ends_at is not None:
        lines.append(f"There are no lessons from {stamp(series.ends_at)} on.")
    return lines + _why(context, series.ended_by, series.end_reason)


def _missed(context: NotificationContext, details: ChangeDetails) -> list[str]:
    return [
        f"**<@{details.series.student_id}> missed two of your weekly lessons in a row**",
        f"The last one was {stamp(context.about_session.starts_at)}. Should these lessons go on?",
    ]


def _clocks(context: NotificationContext, details: ChangeDetails) -> list[str]:
    at, cycle = context.about_session.starts_at, HourCycle.H23
    here, there = (
        f"{cycle.clock(at.astimezone(zone(name)))} in {show_zone(name)}"
        for name in (details.zone_name, details.rule.time_zone)
    )
    return [
        f"**{_kind(details)} {_people(context, details)} will be at another time for you**",
        f"From {stamp(at, 'D')} on, they're at {here}, because clocks change. For your coach, it's still {there}.",
    ]


def _zone(_context: NotificationContext, _details: ChangeDetails) -> list[str]:
    return [
        "**Should your weekly lessons follow you into your new time zone?**",
        "They were agreed on in another time zone, and stay at their time there unless you change them.",
    ]


def _by_hand(details: ChangeDetails) -> list[str]:
    """Say which lessons aren't at the new hour."""
    lines: list[str] = []
    for one in details.since_first:
        if one.is_rescheduled and one.starts_at is not None:
            lines.append(f"{stamp(one.starts_at, 'f')} stays, because it was rescheduled by itself.")
        elif not one.takes_place:
            at = one.lesson.starts_at
            then = stamp(at, "f") if at is not None else words.plain_date(one.lesson.day)
            lines.append(f"No lesson {then}: {panels.skipped(one)}")
    return lines


def _kind(details: ChangeDetails) -> str:
    return f"Your {words.kind(details.rule.interval_weeks)}"


def _people(context: NotificationContext, details: ChangeDetails) -> str:
    return panels.people(details.series, context.notification.user_id or 0)


def _why(context: NotificationContext, by: int | None, reason: str | None) -> list[str]:
    """Say who changed it, and why."""
    if by == context.notification.user_id:
        return []
    who = "An admin changed this."
    if by is None:
        who = ""
    elif context.coach is not None and by == context.coach.user_id:
        who = "Your coach changed this."
    elif by == context.notification.about_user_id:
        who = "Your student changed this."
    return [*([who] if who else []), *([ui.block(ui.quoted(reason, _LONGEST))] if reason else [])]


_LINES = {
    NotificationKind.SERIES_MOVED: _moved,
    NotificationKind.SERIES_PAUSED: _paused,
    NotificationKind.SERIES_ENDED: _ended,
    NotificationKind.SERIES_MISSED: _missed,
    NotificationKind.SERIES_CLOCKS: _clocks,
    NotificationKind.SERIES_ZONE: _zone,
}


def _card(context: NotificationContext) -> ui.Item:
    details: ChangeDetails | None = context.details
    if details is None:
        return ui.text(_GONE)
    lines = _LINES[context.notification.kind](context, details)
    return ui.Container(ui.text("\n".join(lines)), ui.row(*_buttons(context.notification.kind, details)))


def _buttons(kind: NotificationKind, details: ChangeDetails) -> list[ui.Button]:
    series_id = details.series.id
    lessons = ui.button("All lessons", beside(routes.SERIES.id(series_id=series_id, page=0)))
    if kind is NotificationKind.SERIES_ZONE:
        return [ui.button("Choose", beside(routes.SERIES_ZONES.id()), ui.PRIMARY)]
    if kind is NotificationKind.SERIES_MISSED:
        end = ui.button("End these lessons…", panels.END.id(series_id=series_id))
        return [ui.button("They go on", panels.GO_ON.id(series_id=series_id)), end, lessons]
    return [lessons]


_CHANGES = (NotificationKind.SERIES_MOVED, NotificationKind.SERIES_PAUSED, NotificationKind.SERIES_ENDED)
"""What calendars need to know."""

WORDS = {
    NotificationKind.LESSON_BACK: Words(_back, with_calendar_file),
    **{kind: Words(_card, with_calendar_file if kind in _CHANGES else None) for kind in _LINES},
}
