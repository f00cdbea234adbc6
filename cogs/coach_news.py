"""What coaches are told when something around their profile has changed, so that they choose anew."""

from typing import Any

import discord

from cogs import ui
from scheduler.notices import Letter


def words(letter: Letter) -> discord.ui.Item[Any]:
    """What has changed, and the next step."""
    coach = letter.coach
    assert coach is not None, "a notice about a coach names one"
    return ui.text(
        f'### Your time zone "{ui.quoted(coach.time_zone)}" is no longer known\nStudents cannot book you until it '
        "is clear when your hours are. **Next step:** go to the server and choose your time zone again in "
        "`/availability`, with **Zone…**. Your hours keep their clock times, and booked sessions stay as they are."
    )
