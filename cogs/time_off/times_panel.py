"""Show the next free times for a session that can't take place, each with a button."""

from collections.abc import Callable, Sequence
from datetime import datetime

from cogs import cards, ui
from cogs.ui.time_picker import minute_of
from models import CoachingSession
from scheduler.core.clock import stamp


def times_panel(
    found: CoachingSession, times: Sequence[datetime], to: Callable[..., str], back: str, others: str
) -> ui.Panel:
    """Show these times. `to` makes the `custom_id` of a `start`, and `others` says what else can be done."""
    now = f"**Now** {stamp(found.starts_at)} · {cards.length(found.duration)} · {cards.people(found)}"
    free = [f"{number}. {stamp(at)}" for number, at in enumerate(times, start=1)]
    head = "\n".join(["### Reschedule this session", now, *(free or [f"Nothing else is free. {others}"])])
    picks = [ui.button(f"To time {number}", to(start=minute_of(at))) for number, at in enumerate(times, start=1)]
    return ui.Panel(ui.text(head), ui.row(*picks, ui.button("◀ Back", back)))
