"""Messages to coaches whose currency, rate, booking rules or time zone needs their attention."""

from typing import Any

import discord

from cogs import cards, ui
from models import NotificationKind
from scheduler.notifications.kinds import NotificationContext

KINDS = {
    NotificationKind.ZONE_LOST,
    NotificationKind.CURRENCY_CHANGED,
    NotificationKind.RATE_SET,
    NotificationKind.RULES_GIVEN,
}


def words(context: NotificationContext) -> discord.ui.Item[Any]:
    """Say what changed and what to do next."""
    coach, currency = context.coach, context.guild.currency
    assert coach is not None, "a notice about a coach names one"
    match context.notification.kind:
        case NotificationKind.CURRENCY_CHANGED:
            return ui.text(
                f"### This server now uses {currency}\nYou still charge {cards.rate(coach)}. **Next step:** in "
                f"the server, use `/coach edit`, choose {currency} and enter your new rate. Booked sessions keep "
                "their price."
            )
        case NotificationKind.RATE_SET:
            return ui.text(
                f"### An admin changed your rate\nYou now charge {cards.rate(coach)}, because this server uses "
                f"{currency}. You can change it with `/coach edit`. Booked sessions keep their price."
            )
        case NotificationKind.RULES_GIVEN:
            return ui.text(
                "### An admin gave all coaches the same booking rules\nSee yours in `/availability`, under "
                "**Rules**. Press **Undo** there to get your old ones back. Booked sessions don't change."
            )
        case _:
            return ui.text(
                f'### I no longer know your time zone "{ui.quoted(coach.time_zone)}"\nStudents can\'t book you '
                "until you choose another one. **Next step:** in the server, open `/availability` and press "
                "**Zone…**. Your hours keep their clock times, and booked sessions don't change."
            )
