"""What coaches are told when something around their profile has changed, so that they choose anew."""

from typing import Any

import discord

from cogs import cards, ui
from models import NoticeKind
from scheduler.notices import Letter

KINDS = {NoticeKind.ZONE_LOST, NoticeKind.CURRENCY_CHANGED, NoticeKind.RATE_SET, NoticeKind.RULES_GIVEN}


def words(letter: Letter) -> discord.ui.Item[Any]:
    """What has changed, and the next step."""
    coach, currency = letter.coach, letter.guild.currency
    assert coach is not None, "a notice about a coach names one"
    match letter.notice.kind:
        case NoticeKind.CURRENCY_CHANGED:
            return ui.text(
                f"### This server now uses {currency}\nYou still charge {cards.rate(coach)}. **Next step:** go to "
                f"the server, use `/coach edit`, choose {currency} and type your rate anew. Booked sessions keep "
                "their price."
            )
        case NoticeKind.RATE_SET:
            return ui.text(
                f"### An admin has changed your rate\nYou charge {cards.rate(coach)} now, since this server uses "
                f"{currency}. You can change it with `/coach edit`. Booked sessions keep their price."
            )
        case NoticeKind.RULES_GIVEN:
            return ui.text(
                "### An admin has given all coaches the same booking rules\nLook at yours in `/availability`, "
                "under **Rules**. **Undo** there brings back what you had. Booked sessions stay as they are."
            )
        case _:
            return ui.text(
                f'### Your time zone "{ui.quoted(coach.time_zone)}" is no longer known\nStudents cannot book you '
                "until it is clear when your hours are. **Next step:** go to the server and choose your time zone "
                "again in `/availability`, with **Zone…**. Your hours keep their clock times, and booked sessions "
                "stay as they are."
            )
