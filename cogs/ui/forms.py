"""What people type: forms, what was typed into them, and how a message remembers it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import discord

from cogs.bot_base import Interaction
from cogs.ui.components import select, text
from cogs.ui.text import whole_number
from scheduler.core.errors import NotFound
from scheduler.core.markup import visible

Typed = dict[str, str]
"""What somebody typed or chose in a form: field name → text; several choices are joined by CHOICES."""
CHOICES = " · "
LONGEST_FIELD = 4000
"""The most characters that a form's text field holds."""

_FIELD = re.compile(r"\*\*(?P<name>[^*\n]+)\*\*\n(?P<text>.*)", re.DOTALL)


class Form(discord.ui.Modal):
    """A modal whose fields are named by their labels."""

    def __init__(self, title: str, custom_id: str, *fields: discord.ui.Item[Any]) -> None:
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
    """A text field of a form, holding what was typed before.

    It takes `most` characters, or more if it already holds more (hours typed briefly are written out in full):
    Discord refuses a form whose field holds more than it takes.
    """
    before = typed.get(name, "")
    return discord.ui.Label(
        text=name,
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
    name: str, options: Iterable[tuple[str, str, bool]], *, description: str | None = None, most: int = 1
) -> discord.ui.Label[Any]:
    """A field of a form to choose from `(label, value, chosen)`."""
    return discord.ui.Label(text=name, description=description, component=select(name, options, most=most))


def store_field(name: str, words: str) -> discord.ui.TextDisplay[Any]:
    """Something typed, shown so that `stored_fields` reads it back when a button of the message is pressed."""
    return text(f"**{name}**\n{words}")


def stored_fields(message: discord.Message | None) -> Typed:
    """What `store_field` put on this message. The message is the memory, so no restart forgets it."""
    found = (_FIELD.fullmatch(words) for words in texts(message.components if message else ()))
    return {match["name"]: match["text"] for match in found if match}


def texts(components: Iterable[Any]) -> Iterator[str]:
    """Every paragraph of a message, also inside containers and sections."""
    for component in components:
        if isinstance(component, discord.TextDisplay):
            yield component.content
        yield from texts(getattr(component, "children", ()))


def typed_in(interaction: Interaction) -> Typed:
    """What a submitted form holds. Read from the payload, because the form may be from before a restart."""

    def controls(components: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for component in components:
            if "custom_id" in component:
                yield component
            if "component" in component:
                yield from controls([component["component"]])
            yield from controls(component.get("components", ()))

    data: dict[str, Any] = dict(interaction.data or {})
    return {
        control["custom_id"]: CHOICES.join(control["values"])
        if "values" in control
        else visible(str(control.get("value") or ""))
        for control in controls(data.get("components", ()))
    }


def chosen_in(interaction: Interaction) -> list[int]:
    """The values picked in a select of ours, which are whole numbers. Raises NotFound for anything else."""
    data: dict[str, Any] = dict(interaction.data or {})
    values = [str(value) for value in data.get("values", ())]
    numbers = [number for value in values if (number := whole_number(value)) is not None]
    if not values or len(numbers) < len(values):
        raise NotFound("This list is of an older version. Please use the command again.")
    return numbers
