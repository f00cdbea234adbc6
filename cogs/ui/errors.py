"""Turn errors into replies."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import discord

from cogs.bot_base import Interaction
from cogs.ui.actors import hour_cycle_of
from cogs.ui.components import PRIMARY, Panel, Separator, button, row, text
from cogs.ui.forms import Typed, form_sent_by, store_field, stored_fields, typed_in
from cogs.ui.replies import named_in_dm, reply_privately, show, show_beside
from cogs.ui.text import block, fitting
from cogs.ui.zones import ask_for_zone
from scheduler.core.errors import CoachingError, WrongFields
from scheduler.core.markup import quoted
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import SeveralZones

E = TypeVar("E", bound=CoachingError)


log = logging.getLogger(__name__)

FIX = "fix:"
"""Precedes a form's `custom_id` in the button that opens the form again."""


async def report_error(interaction: Interaction, error: BaseException) -> None:
    """Tell the person what went wrong. Log it too if it's our fault."""
    try:
        if isinstance(error, CoachingError):
            await _refuse(interaction, error)
        else:
            log.error("interaction %s failed", interaction.id, exc_info=error)
            await reply_privately(
                interaction,
                "Something went wrong on our side. It may have worked anyway, so check before you try again. "
                f"If it happens again, give an admin this code: `{interaction.id}`",
            )
    except discord.HTTPException as failure:
        log.warning("could not answer interaction %s: %s", interaction.id, failure)


_PANELS: dict[type[CoachingError], Callable[[Any, Typed, HourCycle], Panel]] = {}


def show_as(kind: type[E], panel: Callable[[E, Typed, HourCycle], Panel]) -> None:
    """Answer errors of this kind with a panel, which replaces the message.

    It gets what was typed, and how the person writes times.
    """
    _PANELS[kind] = panel


async def _refuse(interaction: Interaction, error: CoachingError) -> None:
    """Show the error's own panel, if any. Give a refused form back with what was typed and "Fix it"."""
    form = form_sent_by(interaction)
    if (panel_for := _PANELS.get(type(error))) is not None and interaction.response.is_done():
        typed = typed_in(interaction) if form else stored_fields(interaction.message)
        await show(interaction, panel_for(error, typed, hour_cycle_of(interaction)))
        return
    question = ask_for_zone(interaction, error) if isinstance(error, SeveralZones) else None
    if form is None and question is None:
        await reply_privately(interaction, _words(error))
        return
    typed = question.typed if question else typed_in(interaction)
    said = await named_in_dm(interaction, question.words if question else _words(error, fields=len(typed)))
    if question is None:
        typed = fitting(typed, said)
    fix_it = [button("Fix it", f"{FIX}{form}", PRIMARY)] if form else []
    panel = Panel(
        text(f"⚠️ {said}"),
        *([row(question.select)] if question else []),
        Separator(),
        *(store_field(name, words) for name, words in typed.items() if words.strip()),
        *([row(*fix_it)] if fix_it else []),
    )
    if interaction.response.is_done() and _is_refusal(interaction.message):
        await show(interaction, panel)  # replaces the previous refusal
    else:
        await show_beside(interaction, panel)


def _words(error: CoachingError, *, fields: int | None = None) -> str:
    """Say what's wrong. Problems of a form with a single field don't name it."""
    if fields == 1 and isinstance(error, WrongFields):
        return "\n".join(error.wrong.values())
    return f"{error}\n{block(quoted(error.quotation))}" if error.quotation else str(error)


def _is_refusal(message: discord.Message | None) -> bool:
    """Return whether this message has a "Fix it" button."""
    rows = message.components if message else ()
    items = (item for one in rows for item in getattr(one, "children", ()))
    return any((getattr(item, "custom_id", None) or "").startswith(FIX) for item in items)
