"""Weekly lessons, their lessons and what becomes of them, as panels. Every label says what it touches."""

from collections.abc import Sequence
from datetime import date, datetime

from cogs import cards, routes, ui
from cogs.series import words
from cogs.ui.routing import Route
from models import Lesson, Series, SeriesRule, SkipReason
from scheduler.booking import rescheduling
from scheduler.core.clock import stamp
from scheduler.core.errors import NotFound
from scheduler.series.changes import listing
from scheduler.series.changes.asking import Elsewhere
from scheduler.series.changes.following import Change, Outlook
from scheduler.series.changes.listing import Listed, Shown, ShownLesson
from scheduler.series.changes.new_hour import NewHour
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.local_time import DAY_MINUTES
from scheduler.time.time_zones import zone

LESSON = Route("series:lesson:{series_id}:{occurrence}")
SKIP = Route("series:skip:{series_id}:{occurrence}")
BRING_BACK = Route("series:back:{series_id}:{occurrence}")
HOUR = Route("series:hour:{series_id}:{occurrence}")
# {hour} is what `pack` makes. {rules}: the rules that the coach was warned of, a bit for each.
CHANGE = Route("series:change:{series_id}:{occurrence}:{hour}:{rules}")
PAUSE = Route("series:pause:{series_id}:{occurrence}")
END = Route("series:end:{series_id}")
GO_ON = Route("series:goon:{series_id}")
TO_OWN_ZONE = Route("series:rezone:{series_id}")

_A_PAGE = 6
_LATEST_DAY = date(9000, 1, 1).toordinal()
_MOST_SHOWN = 8
SKIPPED = {
    SkipReason.TAKEN: "One of you has something else then.",
    SkipReason.CLOSED: "The server is closed, or the coach is away.",
    SkipReason.CLOCKS: "The clocks skip that time on that day.",
    SkipReason.PAUSED: "Paused.",
    SkipReason.BY_HAND: "Skipped.",
    SkipReason.MISSED: "It was too late for it when the bot was back.",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def pack(hour: NewHour, *, own_zone: bool) -> int:
    """Write an hour as one number for a `custom_id`. `own_zone`: its zone is the coach's own, not the rule's."""
    number = hour.first_day.toordinal() * DAY_MINUTES + hour.start_minute
    return (number * 2 + hour.interval_weeks - 1) * 2 + own_zone


def unpack(number: int, rule_zone: str, coach_zone: str) -> NewHour:
    """Read what `pack` wrote. Raises NotFound for what it can't have written."""
    rest, own_zone = divmod(number, 2)
    rest, every_other = divmod(rest, 2)
    day, minute = divmod(rest, DAY_MINUTES)
    if not 0 < day < _LATEST_DAY:
        raise NotFound("This button is out of date. Run the command again.")
    return NewHour(date.fromordinal(day), minute, coach_zone if own_zone else rule_zone, every_other + 1)


def day_of(at: datetime, zone_name: str) -> str:
    """Write the date of a lesson on a button: "14 May"."""
    local = at.astimezone(zone(zone_name))
    return f"{local.day} {local:%B}"


def and_after(shown: Shown, one: ShownLesson) -> str:
    """Write which lessons a change of a lesson and all after it touches: "14 May and the 7 after it"."""
    at = one.starts_at
    day = day_of(at, shown.zone_name) if at is not None else words.plain_date(one.lesson.day)
    after = listing.count_after(shown, one.lesson.occurrence)
    if after is None:
        return f"{day} and all after it"
    return f"{day} and the {after} after it" if after else day


def list_panel(found: Sequence[Listed], viewer_id: int, servers: dict[int, str], cycle: HourCycle) -> ui.Panel:
    """List weekly lessons, each with its server's name where that isn't clear."""
    parts: list[ui.Item] = [ui.text("### Weekly lessons")]
    if not found:
        parts.append(ui.text("You have none. Choose **Every week** when you confirm a time in `/book`."))
    for one in found:
        where = f" · {ui.quoted(servers[one.series.guild_id])}" if one.series.guild_id in servers else ""
        is_coach = viewer_id == one.series.coach_id
        other = f"<@{one.series.student_id}>" if is_coach else ui.quoted(one.coach_name)
        following = f"Next {stamp(one.next_at)}" if one.next_at is not None else "No lesson is booked right now."
        head = f"**{words.kind(one.rule.interval_weeks).capitalize()} with {other}**{where}"
        lines = f"{head}\n{rule_in_words(one.rule, cycle)}\n{following}"
        show = routes.SERIES.id(series_id=one.series.id, page=0)
        parts.append(ui.Section(lines, accessory=ui.button("Lessons", show)))
    back = ui.button("◀ Sessions", routes.SESSION_LIST.id(page=0))
    return ui.Panel(*parts, ui.row(back))


def rule_in_words(rule: SeriesRule | NewHour, cycle: HourCycle = HourCycle.H23) -> str:
    """Write when lessons are, on the clock they were agreed on: "Every Tuesday at 16:00 in Europe/Berlin"."""
    every = "Every" if rule.interval_weeks == 1 else "Every other"
    return f"{every} {rule.first_day:%A} at {cycle.minute(rule.start_minute)} in {show_zone(rule.time_zone)}"


def series_panel(
    shown: Shown, viewer_id: int, page: int, cycle: HourCycle = HourCycle.H23, said: str | None = None
) -> ui.Panel:
    """Show a series with its upcoming lessons."""
    series = shown.series
    on_page, pager = ui.paged(
        shown.lessons, page, _A_PAGE, lambda page: routes.SERIES.id(series_id=series.id, page=page)
    )
    kind = words.kind(shown.rule.interval_weeks).capitalize()
    lines = [f"### {kind} {people(series, viewer_id)}", rule_in_words(shown.rule, cycle)]
    lines.append(f"{words.terms(series)} · {words.end(series.until, series.lesson_count)}")
    if series.ends_at is not None:
        lines.append(f"**Ended** There are no lessons from {stamp(series.ends_at)} on.")
    parts: list[ui.Item] = [ui.text("\n".join(lines)), *(_lesson_item(shown, one) for one in on_page)]
    if not shown.lessons:
        parts.append(ui.text("No lesson is to come. Book more with `/book`."))
    buttons = [ui.button("◀ All weekly lessons", routes.SERIES_LIST.id())]
    if series.ends_at is None and shown.lessons:
        buttons.append(ui.button("End these lessons…", END.id(series_id=series.id)))
    return ui.Panel(*parts, *pager, ui.row(*buttons), said=said)


def people(series: Series, viewer_id: int) -> str:
    """Write whose lessons they are, to one of the two or to an admin."""
    if viewer_id == series.coach_id:
        return f"with <@{series.student_id}>"
    if viewer_id == series.student_id:
        return f"with <@{series.coach_id}>"
    return f"of <@{series.coach_id}> with <@{series.student_id}>"


def _lesson_item(shown: Shown, one: ShownLesson) -> ui.Item:
    at, ids = one.starts_at, {"series_id": one.lesson.series_id, "occurrence": one.lesson.occurrence}
    if one.takes_place and at is not None:
        from_when = one.lesson.starts_at
        why = f"\nRescheduled from {stamp(from_when, 'f')}" if one.is_rescheduled and from_when is not None else ""
        day = day_of(at, shown.zone_name)
        return ui.Section(f"✓ {stamp(at)}{why}", accessory=ui.button(f"{day}…", LESSON.id(**ids)))
    line = f"✗ ~~{_when(one.lesson)}~~ {skipped(one)}"
    if at is None or not one.can_bring_back:
        return ui.text(line)
    label = f"Bring back {day_of(at, shown.zone_name)}"
    return ui.Section(line, accessory=ui.button(label, BRING_BACK.id(**ids)))


def skipped(one: ShownLesson) -> str:
    """Write why a lesson doesn't take place."""
    return SKIPPED[one.lesson.skipped] if one.lesson.skipped is not None else "Cancelled."


def _when(lesson: Lesson) -> str:
    return stamp(lesson.starts_at) if lesson.starts_at is not None else words.plain_date(lesson.day)


def lesson_panel(shown: Shown, one: ShownLesson, viewer_id: int) -> ui.Panel:
    """Show what can be done with one upcoming lesson, and with all from it on."""
    series, at = shown.series, one.starts_at
    ids = {"series_id": series.id, "occurrence": one.lesson.occurrence}
    back = ui.button("◀ All lessons", routes.SERIES.id(series_id=series.id, page=0))
    if not one.takes_place or at is None or one.session is None:
        return ui.Panel(ui.text(f"### Lesson on {_when(one.lesson)}\n{skipped(one)}"), ui.row(back))
    day = day_of(at, shown.zone_name)
    head = f"### Lesson on {stamp(at)}\n{cards.length(one.session.duration)} {people(series, viewer_id)}"
    alone = [ui.button(f"Skip only {day}…", SKIP.id(**ids))]
    if viewer_id in one.session.people:
        alone.insert(0, ui.button(f"Reschedule only {day}…", routes.RESCHEDULE.id(session_id=one.session.id)))
    together = [
        ui.button(f"Change {and_after(shown, one)}…", HOUR.id(**ids)),
        ui.button(f"Pause from {day}…", PAUSE.id(**ids)),
    ]
    return ui.Panel(ui.text(head), ui.row(*alone), ui.row(*together), ui.row(back))


def change_panel(
    shown: Shown, one: ShownLesson, change: Change, hour: NewHour, custom_id: str, cycle: HourCycle
) -> ui.Panel:
    """Show what becomes of each lesson at another hour, and ask."""
    ids = {"series_id": shown.series.id, "occurrence": one.lesson.occurrence}
    touched = and_after(shown, one)
    lines = [
        f"### {touched}",
        f"**New** {rule_in_words(hour, cycle)}",
        f"**Now** {rule_in_words(shown.rule, cycle)}",
    ]
    lines += [_outlook_line(each) for each in change.outlook[:_MOST_SHOWN]]
    if (more := len(change.outlook) - _MOST_SHOWN) > 0:
        lines.append(f"-# And {more} more.")
    if any(each.keeps for each in change.outlook):
        lines.append("-# What was changed by itself stays as it is.")
    confirm = ui.button(f"Change {touched}…", custom_id, ui.SUCCESS)
    if change.broken:
        warnings = (f"- {rescheduling.describe_rule(rule, shown.coach)}" for rule in change.broken)
        lines += ["⚠️ **The first one breaks your own rules**", *warnings]
        confirm.style = ui.SECONDARY
    other = ui.button("Another time…", HOUR.id(**ids))
    return ui.Panel(ui.text("\n".join(lines)), ui.row(confirm, other, ui.button("◀ Back", LESSON.id(**ids))))


def _outlook_line(one: Outlook) -> str:
    now = one.session.starts_at if one.session is not None else None
    if one.keeps:
        return f"– {stamp(now, 'f')} stays" if now is not None else f"✗ ~~{_when(one.lesson)}~~ stays skipped"
    then = stamp(one.starts_at, "f") if one.starts_at is not None else words.plain_date(one.day)
    return f"✓ {then}" if one.skipped is None else f"✗ ~~{then}~~ {SKIPPED[one.skipped]}"


def zones_panel(found: Sequence[Elsewhere], cycle: HourCycle) -> ui.Panel:
    """Ask a coach whether lessons agreed on in another zone follow into theirs."""
    parts: list[ui.Item] = [ui.text("### Weekly lessons in another time zone than yours")]
    if not found:
        parts.append(ui.text("All your weekly lessons are in your own time zone."))
    for series, rule, zone_name in found:
        line = f"With <@{series.student_id}>\n{rule_in_words(rule, cycle)}"
        label = f"To {cycle.minute(rule.start_minute)} in {show_zone(zone_name)}…"
        parts.append(ui.Section(line, accessory=ui.button(label, TO_OWN_ZONE.id(series_id=series.id))))
    if found:
        parts.append(ui.text("-# They keep their times unless you change them here."))
    return ui.Panel(*parts, ui.row(ui.button("◀ All weekly lessons", routes.SERIES_LIST.id())))
