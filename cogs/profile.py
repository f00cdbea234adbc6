"""A coach's profile, as everybody sees it who may."""

from typing import TYPE_CHECKING, Any

import discord

from cogs import cards, rule_forms, ui
from cogs.booking.views import COACH, lasting
from cogs.review_list import READ
from cogs.ui import Interaction
from models import Coach, CoachStatus
from scheduler import guilds, profiles
from scheduler.clock import stamp
from scheduler.money import price, write_money
from scheduler.profiles import Profile

if TYPE_CHECKING:
    from bot.app import CoachBot

_MOST_LINKS = 8
_STATES = {
    CoachStatus.PENDING: "⏳ **Not public yet.** An admin has to approve the application first.",
    CoachStatus.APPROVED: "🚪 **Not public any more.** They have left the server.",
    CoachStatus.REJECTED: "🚫 **Not public.** The application was not approved; `/coach apply` makes a new one.",
    CoachStatus.SUSPENDED: "⏸️ **Not public any more.** The coaching is suspended.",
}
"""Why nobody else sees it."""


async def show_profile(bot: "CoachBot", interaction: Interaction, user_id: int, said: str | None = None) -> None:
    """Show somebody's profile to whoever asks, in answer to an acknowledged interaction."""
    async with bot.db.read() as session:
        guild = await guilds.look_up(session, ui.guild_id_of(interaction), bot.defaults)
        actor = ui.actor_of(interaction, guild)
        found = await profiles.seen_by(session, guild.id, user_id, actor, bot.clock())
    await ui.show(interaction, _panel(found, is_own=actor.user_id == user_id, said=said))


def _panel(one: Profile, *, is_own: bool, said: str | None) -> ui.Panel:
    coach = one.coach
    parts: list[discord.ui.Item[Any]] = [
        ui.text(
            f"### <@{coach.user_id}>\n{cards.rating(coach)} · {cards.rate(coach)}\n"
            f"**Teaches** {cards.taught(one.specialties)}\n**Lengths** {_lengths(coach)}\n"
            f"**Room** {rule_forms.SESSION_TYPES[coach.session_type].lower()}"
        ),
        discord.ui.Separator(),
        ui.text(ui.quoted(coach.bio, 1300)),
        *([ui.text(f"**Links**\n{_links(coach)}")] if coach.portfolio else []),
        discord.ui.Separator(),
        ui.text(_standing(one)),
        *([ui.row(*buttons)] if (buttons := _buttons(one, is_own=is_own)) else []),
    ]
    return ui.Panel(discord.ui.Container(*parts), *([ui.text(said)] if said else []))


def _lengths(coach: Coach) -> str:
    """With what each costs, the usual one first."""
    lengths = (lasting(minutes) for minutes in coach.durations_minutes)
    return ", ".join(
        f"{cards.length(one)} ({write_money(price(coach.rate_minor, one), coach.currency)})" for one in lengths
    )


def _links(coach: Coach) -> str:
    """In angle brackets, so that whatever stands in an address stays a part of it."""
    links = coach.portfolio.splitlines()
    more = len(links) - _MOST_LINKS
    return "\n".join(
        [*(f"- <{link}>" for link in links[:_MOST_LINKS]), *([f"… and {more} more"] if more > 0 else [])]
    )


def _standing(one: Profile) -> str:
    coach = one.coach
    if not one.is_public:
        lines = [_STATES[coach.status]]
        if coach.status in (CoachStatus.REJECTED, CoachStatus.SUSPENDED):
            lines.append(cards.decision(coach))
        return "\n".join([*lines, "-# Only admins and the person themselves see this."])
    if not coach.accepting:
        return "Takes no new bookings at the moment."
    if one.next_free is None:
        return f"Nothing is free in the next {coach.horizon_days} days."
    return f"**Next free** {stamp(one.next_free)} ({stamp(one.next_free, 'R')})"


def _buttons(one: Profile, *, is_own: bool) -> list[ui.Button]:
    if not one.is_public:
        return []
    reviews = ui.button("Reviews", READ.format(coach_id=one.coach.user_id))
    if is_own:
        return [reviews]
    book = COACH.format(coach_id=one.coach.user_id, minutes=0, day=0, page=0)
    return [ui.button("Book", book, discord.ButtonStyle.primary, disabled=one.next_free is None), reviews]
