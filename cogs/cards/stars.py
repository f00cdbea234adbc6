"""How stars are written, and the buttons that ask for them."""

from typing import Any

import discord

from cogs import routes, ui
from scheduler.reviews.reviews import MOST_STARS


def written(stars: int) -> str:
    """ "★★★★☆"."""
    return "★" * stars + "☆" * (MOST_STARS - stars)


def buttons(session_id: int, given: int | None = None) -> discord.ui.ActionRow[Any]:
    """A button for each number of stars; the one that was `given` stands out."""
    return ui.row(
        *(
            ui.button(
                f"{count}★",
                routes.GIVE_STARS.id(session_id=session_id, count=count),
                discord.ButtonStyle.primary if count == given else discord.ButtonStyle.secondary,
            )
            for count in range(1, MOST_STARS + 1)
        )
    )
