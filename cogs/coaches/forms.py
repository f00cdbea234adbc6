"""The fields in which people write what they offer as a coach, whether they apply or edit."""

from collections.abc import Sequence
from typing import Any

import discord

from cogs import ui
from cogs.ui import Typed
from models import Coach
from scheduler.coaches.applications import LONGEST_TEXT
from scheduler.parsing.money import write_amount

_ABOUT, _EXPERIENCE, _TEACHES, _RATE = (
    "About you",
    "Experience and links",
    "What you teach",
    "Rate per hour",
)
_CURRENCY = "Currency"


def fields(
    typed: Typed, taught_here: Sequence[str], currency: str, servers: str | None = None
) -> list[discord.ui.Label[Any]]:
    """Four fields that hold what was typed; what is not on the server's list any more is not chosen any more.

    A fifth offers the server's own currency (`servers`) if it's another one.
    """
    chosen = typed.get(_TEACHES, "").split(ui.CHOICES)
    return [
        ui.field(_ABOUT, typed, description="Students read this.", long=True, most=LONGEST_TEXT),
        ui.field(_EXPERIENCE, typed, long=True, most=LONGEST_TEXT),
        ui.choice(_TEACHES, ((name, name, name in chosen) for name in taught_here), most=len(taught_here)),
        ui.field(
            _RATE,
            typed,
            description=f"In {currency}; 0 if you coach for free.",
            placeholder="60",
            most=20,
        ),
        *([] if servers in (None, currency) else [_currencies(typed, currency, servers)]),
    ]


def _currencies(typed: Typed, currency: str, servers: str) -> discord.ui.Label[Any]:
    now = typed.get(_CURRENCY, currency)
    options = ((f"{currency}, as before", currency), (f"{servers}, this server's currency", servers))
    return ui.choice(
        _CURRENCY,
        [(words, code, code == now) for words, code in options],
        description="If you change it, enter your new rate too. Booked sessions keep their price.",
    )


def written_in(typed: Typed) -> dict[str, Any]:
    """What the fields hold, by the names that `Written` has for it."""
    return {
        "bio": typed.get(_ABOUT, ""),
        "experience": typed.get(_EXPERIENCE, ""),
        "specialties": [name for name in typed.get(_TEACHES, "").split(ui.CHOICES) if name],
        "rate": typed.get(_RATE, ""),
        "currency": typed.get(_CURRENCY, ""),
    }


def typed_before(coach: Coach, specialties: Sequence[str], currency: str) -> Typed:
    """What the fields hold for somebody who has filled them in already, without a rate in another currency."""
    return {
        _ABOUT: coach.bio,
        _EXPERIENCE: coach.experience,
        _TEACHES: ui.CHOICES.join(specialties),
        _RATE: write_amount(coach.rate_minor, coach.currency) if coach.currency == currency else "",
    }
