"""The form fields that describe a coach, in applications and in profiles."""

from collections.abc import Sequence
from typing import Any

from cogs import ui
from cogs.ui import Typed
from models import Coach
from scheduler.coaches.applications import ABOUT, EXPERIENCE, LONGEST_TEXT, RATE, TEACHES
from scheduler.parsing.money import write_amount

_CURRENCY = "Currency"


def fields(typed: Typed, taught_here: Sequence[str], currency: str, servers: str | None = None) -> list[ui.Item]:
    """Make the fields, holding what was typed. Specialties that the server no longer lists aren't chosen.

    If the coach's `currency` isn't the server's own (`servers`), one more field offers to switch.
    """
    return [
        ui.field(ABOUT, typed, description="Students will see this.", long=True, most=LONGEST_TEXT),
        ui.field(EXPERIENCE, typed, long=True, most=LONGEST_TEXT),
        ui.choice(TEACHES, taught_here, typed, most=len(taught_here)),
        ui.field(RATE, typed, description=f"In {currency}; 0 if you coach for free.", placeholder="60", most=20),
        *([] if servers in (None, currency) else [_currencies(typed, currency, servers)]),
    ]


def _currencies(typed: Typed, currency: str, servers: str) -> ui.Item:
    before = f"{currency}, as before"
    return ui.choice(
        _CURRENCY,
        (before, f"{servers}, this server's currency"),
        {_CURRENCY: before} | typed,
        description="If you change it, enter your new rate too. Booked sessions keep their price.",
    )


def read(typed: Typed) -> dict[str, Any]:
    """Read the fields, by the names of `Written`."""
    return {
        "bio": typed.get(ABOUT, ""),
        "experience": typed.get(EXPERIENCE, ""),
        "specialties": [name for name in typed.get(TEACHES, "").split(ui.CHOICES) if name],
        "rate": typed.get(RATE, ""),
        "currency": typed.get(_CURRENCY, "").partition(",")[0],
    }


def filled_in(coach: Coach, specialties: Sequence[str], currency: str) -> Typed:
    """Fill the fields from a coach's row. The rate stays empty if it's in another currency."""
    return {
        ABOUT: coach.bio,
        EXPERIENCE: coach.experience,
        TEACHES: ui.CHOICES.join(specialties),
        RATE: write_amount(coach.rate_minor, coach.currency) if coach.currency == currency else "",
    }
