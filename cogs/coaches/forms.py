"""The form fields that describe a coach, in applications and in profiles."""

from collections.abc import Sequence
from typing import Any

import discord

from cogs import ui
from cogs.ui import Typed
from models import Coach
from scheduler.coaches.applications import LONGEST_TEXT
from scheduler.parsing.money import write_amount

_ABOUT, _EXPERIENCE, _TEACHES = "About you", "Experience and links", "What you teach"
_RATE, _CURRENCY = "Rate per hour", "Currency"


def fields(
    typed: Typed, taught_here: Sequence[str], currency: str, servers: str | None = None
) -> list[discord.ui.Label[Any]]:
    """Make the fields, holding what was typed. Specialties that the server no longer lists aren't chosen.

    If the coach's `currency` isn't the server's own (`servers`), one more field offers to switch.
    """
    chosen = typed.get(_TEACHES, "").split(ui.CHOICES)
    return [
        ui.field(_ABOUT, typed, description="Students will see this.", long=True, most=LONGEST_TEXT),
        ui.field(_EXPERIENCE, typed, long=True, most=LONGEST_TEXT),
        ui.choice(_TEACHES, ((name, name, name in chosen) for name in taught_here), most=len(taught_here)),
        ui.field(_RATE, typed, description=f"In {currency}; 0 if you coach for free.", placeholder="60", most=20),
        *([] if servers in (None, currency) else [_currencies(typed, currency, servers)]),
    ]


def _currencies(typed: Typed, currency: str, servers: str) -> discord.ui.Label[Any]:
    chosen = typed.get(_CURRENCY, currency)
    options = ((f"{currency}, as before", currency), (f"{servers}, this server's currency", servers))
    return ui.choice(
        _CURRENCY,
        ((words, code, code == chosen) for words, code in options),
        description="If you change it, enter your new rate too. Booked sessions keep their price.",
    )


def read(typed: Typed) -> dict[str, Any]:
    """Read the fields, by the names of `Written`."""
    return {
        "bio": typed.get(_ABOUT, ""),
        "experience": typed.get(_EXPERIENCE, ""),
        "specialties": [name for name in typed.get(_TEACHES, "").split(ui.CHOICES) if name],
        "rate": typed.get(_RATE, ""),
        "currency": typed.get(_CURRENCY, ""),
    }


def filled_in(coach: Coach, specialties: Sequence[str], currency: str) -> Typed:
    """Fill the fields from a coach's row. The rate stays empty if it's in another currency."""
    return {
        _ABOUT: coach.bio,
        _EXPERIENCE: coach.experience,
        _TEACHES: ui.CHOICES.join(specialties),
        _RATE: write_amount(coach.rate_minor, coach.currency) if coach.currency == currency else "",
    }
