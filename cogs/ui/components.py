"""Build messages: panels, and the texts, buttons and selects on them."""

import io
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import discord

from cogs.command_mentions import Verbatim
from scheduler.core.markup import mentioned_ids, with_names

T = TypeVar("T")

Item = discord.ui.Item[Any]
Button = discord.ui.Button[Any]
Container = discord.ui.Container[Any]
Section = discord.ui.Section[Any]
Separator = discord.ui.Separator[Any]
Attachment = discord.ui.File[Any]

SECONDARY, PRIMARY = discord.ButtonStyle.secondary, discord.ButtonStyle.primary
SUCCESS, DANGER = discord.ButtonStyle.success, discord.ButtonStyle.danger

_BUTTONS_A_ROW = 5
_FIRST_ID = 2**30
"""Ids of selects start here, far from those that Discord counts up for the other components of a message."""


class Panel(discord.ui.LayoutView):
    """A message made of components, the last one about what was just done (`said`).

    It only renders: presses are routed by `custom_id`.
    """

    def __init__(self, *items: Item, files: Iterable[tuple[str, bytes]] = (), said: str | None = None) -> None:
        super().__init__(timeout=None)
        self._files = tuple(files)
        for item in (*items, text(said)) if said else items:
            self.add_item(item)
        self.stop()  # otherwise discord.py keeps it in memory until the process ends

    @property
    def files(self) -> list[discord.File]:
        """Return new file objects each time, because sending uses them up."""
        return [discord.File(io.BytesIO(content), name) for name, content in self._files]

    @property
    def mentioned_ids(self) -> set[int]:
        """Return the ids of everyone and everything that our own text on it mentions."""
        return set[int]().union(*(mentioned_ids(one.content) for one in self._texts))

    def write_names(self, names: Mapping[int, str]) -> None:
        """Write names instead of mentions, for direct messages, where some clients show those as numbers."""
        for one in self._texts:
            one.content = with_names(one.content, names)

    @property
    def _texts(self) -> list[discord.ui.TextDisplay[Any]]:
        texts = (one for one in self.walk_children() if isinstance(one, discord.ui.TextDisplay))
        return [one for one in texts if not isinstance(one, Verbatim)]


def text(content: str) -> discord.ui.TextDisplay[Any]:
    """Make a paragraph."""
    return discord.ui.TextDisplay(content)


def picture(file_name: str, description: str) -> discord.ui.MediaGallery[Any]:
    """Make a gallery of one attached picture, described for screen readers."""
    return discord.ui.MediaGallery(discord.MediaGalleryItem(f"attachment://{file_name}", description=description))


def attachment(file_name: str) -> Attachment:
    """Make a download of an attached file."""
    return discord.ui.File(f"attachment://{file_name}")


def row(*items: Item) -> discord.ui.ActionRow[Any]:
    """Make a row of up to five buttons, or one select."""
    return discord.ui.ActionRow(*items)


def rows(*buttons: Button) -> list[Item]:
    """Make as many rows as the buttons need: none if there are none."""
    return [row(*buttons[first : first + _BUTTONS_A_ROW]) for first in range(0, len(buttons), _BUTTONS_A_ROW)]


def button(
    label: str,
    custom_id: str,
    style: discord.ButtonStyle = SECONDARY,
    *,
    disabled: bool = False,
) -> Button:
    """Make a button."""
    return discord.ui.Button(label=label, custom_id=custom_id, style=style, disabled=disabled)


def link(label: str, url: str) -> Button:
    """Make a button that opens an address."""
    return discord.ui.Button(label=label, url=url)


def newer_and_older(to: Callable[..., str], page: int, *, has_more: bool) -> list[Item]:
    """Make buttons to newer and older pages, if any. `to` makes the `custom_id` of a `page`."""
    if not page and not has_more:
        return []
    return [
        row(
            button("◀ Newer" if page else "◀", to(page=max(page - 1, 0)), disabled=not page),
            button("Older ▶", to(page=page + 1), disabled=not has_more),
        )
    ]


def select(
    custom_id: str,
    options: Iterable[tuple[str, str, bool]],
    *,
    placeholder: str | None = None,
    least: int = 1,
    most: int = 1,
) -> discord.ui.Select[Any]:
    """Make a select of up to 25 `(label, value, chosen)`.

    Each has an id of its own. Under the same id, clients go on showing what was picked before, whatever an edit of
    the message says: https://github.com/discord/discord-api-docs/issues/7536
    """
    made = [
        discord.SelectOption(label=label[:100], value=value, default=chosen) for label, value, chosen in options
    ]
    return discord.ui.Select(
        custom_id=custom_id,
        options=made,
        placeholder=placeholder,
        min_values=least,
        max_values=min(most, len(made)),
        id=_fresh_id(),
    )


def user_select(
    custom_id: str, chosen: Iterable[int], *, placeholder: str, most: int
) -> discord.ui.UserSelect[Any]:
    """Make a select of people in which nobody has to be chosen."""
    kind = discord.SelectDefaultValueType.user
    before = [discord.SelectDefaultValue(id=user_id, type=kind) for user_id in chosen]
    return discord.ui.UserSelect(
        custom_id=custom_id,
        placeholder=placeholder,
        min_values=0,
        max_values=most,
        default_values=before[:most],
        id=_fresh_id(),
    )


def _fresh_id() -> int:
    return _FIRST_ID + secrets.randbelow(_FIRST_ID)


def paged(found: Sequence[T], page: int, size: int, to: Callable[..., str]) -> tuple[Sequence[T], list[Item]]:
    """Return what's on a page, or on the last one, and buttons to the pages before and after it, if any."""
    last = max(len(found) - 1, 0) // size
    page = min(page, last)
    shown = found[page * size :][:size]
    if not last:
        return shown, []
    return shown, [
        row(
            button("◀", to(page=max(page - 1, 0)), disabled=page == 0),
            button("▶", to(page=page + 1), disabled=page == last),
        ),
        text(f"-# Page {page + 1} of {last + 1}"),
    ]
