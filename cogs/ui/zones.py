"""Find the time zone people type, and ask which one they mean if it could be several."""

import asyncio
from datetime import datetime
from typing import Any, NamedTuple

import discord

from cogs.bot_base import Interaction
from cogs.ui.actors import hour_cycle_of
from cogs.ui.components import select
from cogs.ui.forms import Typed, form_sent_by, pick_id, typed_in
from cogs.ui.text import fitting
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import SeveralZones, parse_zone, zone
from scheduler.time.zone_names import Place

_MOST_OPTIONS = 25


async def resolve_zone(typed: str, *, answer: tuple[str, str] | None = None) -> str:
    """Find the zone. Raises Unreadable.

    Runs in a thread, because the first look-up of a city reads a large file. Outside forms, `answer` is the
    `custom_id` and the field that take the zone if it has to be chosen from several.
    """
    try:
        return await asyncio.to_thread(parse_zone, typed)
    except SeveralZones as question:
        question.answer = answer
        raise


def option_label(place: Place, now: datetime, cycle: HourCycle) -> str:
    """Write a place with the current time there."""
    local = now.astimezone(zone(place.zone))
    return f"{place.label} · {local:%a} {cycle.clock(local)}"


class ZoneQuestion(NamedTuple):
    """A question about what was typed, and the select that answers it and sends the form again."""

    words: str
    typed: Typed
    select: discord.ui.Select[Any]


def ask_for_zone(interaction: Interaction, error: SeveralZones) -> ZoneQuestion | None:
    """Ask which zone is meant. Returns None if what was typed is too long for the message to keep."""
    form = form_sent_by(interaction)
    if form is not None:
        typed = {name: words for name, words in typed_in(interaction).items() if words.strip()}
        field = next((name for name, words in typed.items() if words.strip() == error.typed.strip()), None)
    elif error.answer is not None:
        form, field = error.answer
        typed = {field: error.typed}
    else:
        return None
    words = f"{error.question} Which one do you mean?"
    if field is None or fitting(typed, words) != typed:
        return None
    now, cycle = interaction.client.clock(), hour_cycle_of(interaction)
    options = ((option_label(place, now, cycle), place.zone, False) for place in error.places[:_MOST_OPTIONS])
    answer = select(pick_id(form, typed, field), options, placeholder="Choose a time zone")
    return ZoneQuestion(words, typed, answer)
