"""What messages and forms are made of, and the one place where what went wrong becomes words."""

import io
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import discord
from discord import app_commands

from cogs.bot_base import BotBase
from cogs.bot_base import Interaction as Interaction
from cogs.ui.text import block as block
from cogs.ui.text import fitting, visible, whole_number
from cogs.ui.text import quoted as quoted
from models import Guild
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotFound

E = TypeVar("E", bound=CoachingError)

log = logging.getLogger(__name__)

Typed = dict[str, str]
"""What somebody typed or chose in a form: field name → text; several choices are joined by CHOICES."""
CHOICES = " · "
LONGEST_FIELD = 4000
"""The most characters that a form's text field holds."""
NO_MENTIONS = discord.AllowedMentions.none()

FIX = "fix:"
"""Before the `custom_id` of a form: the button that opens it again."""

_FIELD = re.compile(r"\*\*(?P<name>[^*\n]+)\*\*\n(?P<text>.*)", re.DOTALL)


class Panel(discord.ui.LayoutView):
    """A message made of components. It is only rendered: its presses are routed by `custom_id`."""

    def __init__(self, *items: discord.ui.Item[Any], files: Iterable[tuple[str, bytes]] = ()) -> None:
        super().__init__(timeout=None)
        self._files = tuple(files)
        for item in items:
            self.add_item(item)
        self.stop()  # so that discord.py does not keep it in memory for as long as the process lives

    @property
    def files(self) -> list[discord.File]:
        """What is sent with it, anew each time: a file is used up by being sent."""
        return [discord.File(io.BytesIO(content), name) for name, content in self._files]


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


def text(content: str) -> discord.ui.TextDisplay[Any]:
    """A paragraph."""
    return discord.ui.TextDisplay(content)


def picture(file_name: str, in_words: str) -> discord.ui.MediaGallery[Any]:
    """A picture that is sent with the message; `in_words` is for those who cannot see it."""
    return discord.ui.MediaGallery(discord.MediaGalleryItem(f"attachment://{file_name}", description=in_words))


Attachment = discord.ui.File[Any]


def attachment(file_name: str) -> Attachment:
    """A file that is sent with the message, to be opened or kept."""
    return discord.ui.File(f"attachment://{file_name}")


def row(*items: discord.ui.Item[Any]) -> discord.ui.ActionRow[Any]:
    """A row of up to five buttons, or one select."""
    return discord.ui.ActionRow(*items)


Button = discord.ui.Button[Any]


def button(
    label: str,
    custom_id: str,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    *,
    disabled: bool = False,
) -> discord.ui.Button[Any]:
    """A button that is answered by its `custom_id`."""
    return discord.ui.Button(label=label, custom_id=custom_id, style=style, disabled=disabled)


def newer_and_older(template: str, page: int, *, has_more: bool) -> list[discord.ui.Item[Any]]:
    """Buttons to newer and older pages, where there are any; `template` is a `custom_id` with {page}."""
    if not page and not has_more:
        return []
    return [
        row(
            button("◀ Newer" if page else "◀", template.format(page=max(page - 1, 0)), disabled=not page),
            button("Older ▶", template.format(page=page + 1), disabled=not has_more),
        )
    ]


def select(
    custom_id: str,
    options: Iterable[tuple[str, str, bool]],
    *,
    placeholder: str | None = None,
    most: int = 1,
) -> discord.ui.Select[Any]:
    """A select of `(label, value, chosen)`; at most 25, the caller pages what is longer."""
    made = [
        discord.SelectOption(label=label[:100], value=value, default=chosen) for label, value, chosen in options
    ]
    return discord.ui.Select(
        custom_id=custom_id, options=made, placeholder=placeholder, max_values=min(most, len(made))
    )


def pager(template: str, page: int, last: int) -> list[discord.ui.Item[Any]]:
    """Buttons to the pages before and after `page` (from 0 to `last`); nothing where there is only one."""
    if not last:
        return []
    return [
        row(
            button("◀", template.format(page=max(page - 1, 0)), disabled=page == 0),
            button("▶", template.format(page=page + 1), disabled=page == last),
        ),
        text(f"-# Page {page + 1} of {last + 1}"),
    ]


def store_field(name: str, words: str) -> discord.ui.TextDisplay[Any]:
    """Something typed, shown so that `kept` reads it back when a button of the message is pressed."""
    return text(f"**{name}**\n{words}")


def stored_fields(message: discord.Message | None) -> Typed:
    """What `keep` put on this message. The message is the memory, so no restart forgets it."""
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


def actor_of(interaction: Interaction, guild: Guild | None) -> Actor:
    """Who presses, and whether they are an admin here and now; in a DM nobody is."""
    if guild is None or interaction.guild_id != guild.id:
        return Actor(interaction.user.id)
    roles = interaction.user.roles if isinstance(interaction.user, discord.Member) else []
    is_admin = interaction.permissions.manage_guild or any(one.id == guild.admin_role_id for one in roles)
    return Actor(interaction.user.id, is_admin=is_admin)


def guild_id_of(interaction: Interaction) -> int:
    """The server it happens in. Raises NotFound in a DM."""
    if interaction.guild_id is None:
        raise NotFound("This works in a server only. Go to your server and try again there.")
    return interaction.guild_id


async def acknowledge(interaction: Interaction) -> None:
    """Tell Discord within its 3 seconds that an answer comes; it then waits 15 minutes. Twice is once."""
    if interaction.response.is_done():
        return
    if interaction.message is not None:
        await interaction.response.defer()
    else:
        await interaction.response.defer(ephemeral=True, thinking=True)


async def acknowledge_beside(interaction: Interaction) -> None:
    """Like `acknowledge`, but the answer comes beside the message that was pressed and not in its place."""
    if not interaction.response.is_done():
        await interaction.response.defer(ephemeral=True, thinking=True)


async def show(interaction: Interaction, panel: Panel) -> None:
    """Put the panel where the acknowledged interaction came from: as the reply, or in the message's place.

    The message then has exactly the panel's files.
    """
    await interaction.edit_original_response(view=panel, attachments=panel.files, allowed_mentions=NO_MENTIONS)


async def reply_privately(interaction: Interaction, words: str) -> None:
    """Say something to the person who pressed, and to nobody else."""
    if interaction.response.is_done():
        await interaction.followup.send(words, ephemeral=True, allowed_mentions=NO_MENTIONS)
    else:
        await interaction.response.send_message(words, ephemeral=True, allowed_mentions=NO_MENTIONS)


async def report_error(interaction: Interaction, error: BaseException) -> None:
    """Tell the person what went wrong, and the log if it is our fault."""
    error = getattr(error, "original", error)
    try:
        if isinstance(error, CoachingError):
            await _refuse(interaction, error)
        else:
            log.error("interaction %s failed", interaction.id, exc_info=error)
            await reply_privately(
                interaction,
                "Something went wrong on our side. It may have been done all the same, so please look before you "
                f"try again. If it happens again, give an admin this code: `{interaction.id}`",
            )
    except discord.HTTPException as failure:
        log.warning("interaction %s could not be answered: %s", interaction.id, failure)


_BETTER: dict[type[CoachingError], Callable[[Any, Typed], Panel]] = {}


def shown_as(kind: type[E], panel: Callable[[E, Typed], Panel]) -> None:
    """Answer refusals of this kind with a panel, in place of what was pressed, that keeps what was typed."""
    _BETTER[kind] = panel


async def _refuse(interaction: Interaction, error: CoachingError) -> None:
    """A refused form is given back with all that was typed, and a button that opens it again.

    Some refusals know better than to be mere words: see `shown_as`.
    """
    if (better := _BETTER.get(type(error))) is not None and interaction.response.is_done():
        is_form = interaction.type is discord.InteractionType.modal_submit
        await show(
            interaction, better(error, typed_in(interaction) if is_form else stored_fields(interaction.message))
        )
        return
    if interaction.type is not discord.InteractionType.modal_submit:
        await reply_privately(interaction, _sentence(error))
        return
    custom_id = str((interaction.data or {}).get("custom_id", ""))
    panel = Panel(
        text(f"⚠️ {_sentence(error)}"),
        discord.ui.Separator(),
        *(store_field(name, words) for name, words in fitting(typed_in(interaction)).items() if words.strip()),
        row(button("Fix it", f"{FIX}{custom_id}", discord.ButtonStyle.primary)),
    )
    if not interaction.response.is_done():
        await interaction.response.send_message(view=panel, ephemeral=True, allowed_mentions=NO_MENTIONS)
    elif _is_refusal(interaction.message):
        await show(interaction, panel)  # in place of the refusal that was to be fixed
    else:
        await interaction.followup.send(view=panel, ephemeral=True, allowed_mentions=NO_MENTIONS)


def _sentence(error: CoachingError) -> str:
    return f"{error}\n{block(quoted(error.quotation))}" if error.quotation else str(error)


def _is_refusal(message: discord.Message | None) -> bool:
    """Whether this is one of our own "Fix it" messages."""
    rows = message.components if message else ()
    items = (item for one in rows for item in getattr(one, "children", ()))
    return any((getattr(item, "custom_id", None) or "").startswith(FIX) for item in items)


class Tree(app_commands.CommandTree[BotBase]):
    """Slash commands, whose errors end in `report_error` too."""

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Tell the person."""
        await report_error(interaction, error)
