"""Build forms, read what was typed into them, and store it on messages."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import discord

from cogs.bot_base import Interaction
from cogs.command_mentions import Verbatim
from cogs.ui.components import Item, select
from cogs.ui.text import whole_number
from scheduler.core.errors import NotFound
from scheduler.core.markup import as_typed, unformatted, visible

Typed = dict[str, str]
"""What was typed or chosen in a form, by field name. Several choices are joined by CHOICES."""
CHOICES = " · "
PICK = "pick:"
"""Precedes a field's number and the form's `custom_id` in a select that fills in the field and sends the form."""
LONGEST_FIELD = 4000
"""Discord's limit for a text field, in characters."""

_PICKED = re.compile(f"{PICK}([0-9]{{1,2}}):(.+)")
_FIELD = re.compile(r"\*\*(?P<name>[^*\n]+)\*\*\n(?P<text>.*)", re.DOTALL)


class Form(discord.ui.Modal):
    """A modal. Each field's `custom_id` is its name."""

    def __init__(self, title: str, custom_id: str, *fields: Item) -> None:
        super().__init__(title=title, custom_id=custom_id, timeout=None)
        for label in fields:
            self.add_item(label)
        self.stop()


def field(
    name: str,
    typed: Typed,
    *,
    description: str | None = None,
    long: bool = False,
    required: bool = True,
    most: int,
    placeholder: str | None = None,
) -> discord.ui.Label[Any]:
    """Make a text field that holds what was typed before.

    It takes `most` characters, or as many as it already holds (short input like "9-12" is stored in full), because
    Discord refuses a field that holds more than it takes.
    """
    before = typed.get(name, "")
    return discord.ui.Label(
        text=name if required else f"{name} (optional)",
        description=description,
        component=discord.ui.TextInput(
            custom_id=name,
            style=discord.TextStyle.paragraph if long else discord.TextStyle.short,
            default=before or None,
            required=required,
            max_length=max(most, len(before)),
            placeholder=placeholder,
        ),
    )


def choice(
    name: str, labels: Iterable[str], typed: Typed, *, description: str | None = None, most: int = 1
) -> discord.ui.Label[Any]:
    """Make a select field with what was chosen before.

    Choices are sent as their labels, so that a refused form shows what people read when they chose.
    """
    before = typed.get(name, "").split(CHOICES)
    options = ((label, label, label in before) for label in labels)
    return discord.ui.Label(text=name, description=description, component=select(name, options, most=most))


def store_field(name: str, words: str) -> discord.ui.TextDisplay[Any]:
    """Show what was typed, escaped as everywhere, so that `stored_fields` can read it from the message later."""
    return Verbatim(f"**{name}**\n{unformatted(words)}")


def stored_fields(message: discord.Message | None) -> Typed:
    """Read what `store_field` put on this message. It survives restarts."""
    found = (_FIELD.fullmatch(words) for words in texts(message.components if message else ()))
    return {match["name"]: as_typed(match["text"]) for match in found if match}


def texts(components: Iterable[Any]) -> Iterator[str]:
    """Yield every paragraph of a message, including those in containers and sections."""
    for component in components:
        if isinstance(component, discord.TextDisplay):
            yield component.content
        yield from texts(getattr(component, "children", ()))


def form_sent_by(interaction: Interaction) -> str | None:
    """Return the `custom_id` of the form that's sent, also by picking what one field means, or None."""
    custom_id = str((interaction.data or {}).get("custom_id", ""))
    if interaction.type is discord.InteractionType.modal_submit:
        return custom_id
    picked = _PICKED.fullmatch(custom_id)
    return picked[2] if picked else None


def pick_id(form: str, typed: Typed, name: str) -> str:
    """Make the `custom_id` of a select that fills in a field. Show `typed` on its message with `store_field`."""
    return f"{PICK}{[*typed].index(name)}:{form}"


def typed_in(interaction: Interaction) -> Typed:
    """Read a submitted form from its payload, because it may have been opened before a restart.

    If it's sent by picking what one field means, the others are read from the message.
    """
    data: dict[str, Any] = dict(interaction.data or {})
    if picked := _PICKED.fullmatch(str(data.get("custom_id", ""))):
        typed, number = stored_fields(interaction.message), int(picked[1])
        return {
            name: CHOICES.join(data.get("values", ())) if place == number else words
            for place, (name, words) in enumerate(typed.items())
        }

    def controls(components: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for component in components:
            if "custom_id" in component:
                yield component
            if "component" in component:
                yield from controls([component["component"]])
            yield from controls(component.get("components", ()))

    return {
        control["custom_id"]: CHOICES.join(control["values"])
        if "values" in control
        else visible(str(control.get("value") or ""))
        for control in controls(data.get("components", ()))
    }


def chosen_in(interaction: Interaction, *, least: int = 1) -> list[int]:
    """Read the values picked in a select, as whole numbers. Raises NotFound for anything else."""
    data: dict[str, Any] = dict(interaction.data or {})
    values = [str(value) for value in data.get("values", ())]
    numbers = [number for value in values if (number := whole_number(value)) is not None]
    if len(values) < least or len(numbers) < len(values):
        raise NotFound("This list is out of date. Run the command again.")
    return numbers
