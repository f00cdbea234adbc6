"""The words of the message about lessons that the bot skipped."""

from collections.abc import Sequence

from cogs import ui
from cogs.notifications import Words
from models import NotificationKind, SkipReason
from scheduler.core.clock import stamp
from scheduler.notifications.kinds import NotificationContext
from scheduler.parsing.dates import write_date
from scheduler.series.skipped import Skipped

_MOST = 15
_WHY = {
    SkipReason.TAKEN: "one of you has something else then",
    SkipReason.CLOSED: "the server is closed or the coach is away",
    SkipReason.CLOCKS: "the clocks skip that hour",
    SkipReason.MISSED: "I wasn't running when it was to be booked",
}


def _skipped(context: NotificationContext) -> ui.Item:
    found: Sequence[Skipped] = context.details or ()
    lines = [f"- {_when(one)} with <@{one.other_id}>: {_WHY.get(one.why, 'it was skipped')}" for one in found]
    if len(lines) > _MOST:
        lines = [*lines[:_MOST], f"- and {len(lines) - _MOST} more"]
    title = "These weekly lessons don't take place" if len(found) != 1 else "A weekly lesson doesn't take place"
    after = "All others stay as they are. `/series` lists them."
    return ui.Container(ui.text("\n".join([f"### {title}", *lines, after])))


def _when(one: Skipped) -> str:
    return stamp(one.starts_at, "F") if one.starts_at is not None else write_date(one.day)


WORDS = {NotificationKind.LESSONS_SKIPPED: Words(_skipped)}
