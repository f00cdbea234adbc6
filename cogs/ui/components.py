"""What messages are made of: panels, and the texts, buttons and selects on them."""

import io
from collections.abc import Callable, Iterable
from typing import Any

import discord

Button = discord.ui.Button[Any]
Attachment = discord.ui.File[Any]


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


def text(content: str) -> discord.ui.TextDisplay[Any]:
    """A paragraph."""
    return discord.ui.TextDisplay(content)


def picture(file_name: str, in_words: str) -> discord.ui.MediaGallery[Any]:
    """A picture that is sent with the message; the description is for those who cannot see it."""
    return discord.ui.MediaGallery(discord.MediaGalleryItem(f"attachment://{file_name}", description=in_words))


def attachment(file_name: str) -> Attachment:
    """A file that is sent with the message, to be opened or kept."""
    return discord.ui.File(f"attachment://{file_name}")


def row(*items: discord.ui.Item[Any]) -> discord.ui.ActionRow[Any]:
    """A row of up to five buttons, or one select."""
    return discord.ui.ActionRow(*items)


def button(
    label: str,
    custom_id: str,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    *,
    disabled: bool = False,
) -> Button:
    """A button that is answered by its `custom_id`."""
    return discord.ui.Button(label=label, custom_id=custom_id, style=style, disabled=disabled)


def newer_and_older(to: Callable[..., str], page: int, *, has_more: bool) -> list[discord.ui.Item[Any]]:
    """Buttons to newer and older pages, where there are any; `to` makes the `custom_id` of a `page`."""
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
    most: int = 1,
) -> discord.ui.Select[Any]:
    """A select of `(label, value, chosen)`; at most 25, the caller pages what is longer."""
    made = [
        discord.SelectOption(label=label[:100], value=value, default=chosen) for label, value, chosen in options
    ]
    return discord.ui.Select(
        custom_id=custom_id, options=made, placeholder=placeholder, max_values=min(most, len(made))
    )


def pager(to: Callable[..., str], page: int, last: int) -> list[discord.ui.Item[Any]]:
    """Buttons to the pages before and after `page` (from 0 to `last`); nothing where there is only one."""
    if not last:
        return []
    return [
        row(
            button("◀", to(page=max(page - 1, 0)), disabled=page == 0),
            button("▶", to(page=page + 1), disabled=page == last),
        ),
        text(f"-# Page {page + 1} of {last + 1}"),
    ]
