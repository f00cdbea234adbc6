"""Reading the two fields with the first and the last day of something."""

from collections.abc import Callable
from datetime import date

from cogs.ui import Typed
from scheduler.parsing.dates import parse_date, parse_last_date
from scheduler.parsing.fields import Fields

FROM, TO = "From", "To"
EXAMPLES = "24 Dec, 2026-12-24, next friday"


def read_days(typed: Typed, today: date, check: Callable[[date, date], None]) -> tuple[date, date]:
    """Read the first and the last day. `check` raises Unreadable for days that can't be. Raises WrongFields."""
    has_end = bool(typed.get(TO, "").strip())
    with Fields() as fields:
        first = last = fields.read(FROM, parse_date, typed.get(FROM, ""), today=today)
        if has_end:
            since = today if fields.wrong else first
            last = fields.read(TO, parse_last_date, typed[TO], first=since, today=today)
        if not fields.wrong:
            fields.read(TO if has_end else FROM, check, first, last)
    return first, last
