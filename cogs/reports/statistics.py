"""`/coaching stats`: how coaching went, in figures and, where the extra `charts` is installed, as a picture."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import discord
from discord import app_commands

from cogs import ui
from cogs.images import drawing
from cogs.images import stats as stats_picture
from cogs.images.stats import room_share, write_hours, write_span
from cogs.ui import Interaction
from cogs.ui.group_commands import group_command
from cogs.ui.routing import Cog, Route, on, retried
from scheduler.availability import reader_zone
from scheduler.parsing.durations import write_length
from scheduler.reports import statistics
from scheduler.reports.statistics import Stats, average
from scheduler.servers import settings

PICK = Route("stats:period")

PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90, "all": 0}
"""By what admins call them, how many days with today; 0 is for all."""
_USUAL = 30
_FILE = "stats.png"
_COACHES = 15
_NAME = 40
_HINT = "-# There is a picture of this too: whoever runs the bot gets it with `pip install '.[charts]'`."


class StatsCog(Cog):
    """`/coaching stats`."""

    @group_command(
        "coaching",
        name="stats",
        description="How coaching went: sessions, rooms, hours, reviews, as a picture and in figures",
    )
    @app_commands.describe(period="Up to today; 30 days if you do not say")
    @retried
    async def stats(
        self, interaction: Interaction, period: Literal["7 days", "30 days", "90 days", "all"] = "30 days"
    ) -> None:
        """Show them."""
        await ui.acknowledge(interaction)
        await self._show(interaction, PERIODS[period])

    @on(PICK)
    async def period_picked(self, interaction: Interaction) -> None:
        """Another period."""
        await ui.acknowledge(interaction)
        await self._show(interaction, ui.chosen_in(interaction)[0])

    async def _show(self, interaction: Interaction, days: int) -> None:
        """Show an admin the last so many days (0: all)."""
        days = days if days in PERIODS.values() else _USUAL
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor = ui.actor_of(interaction, guild)
            zone_name = await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone)
            found = await statistics.gather(
                session, guild.id, actor, zone_name, self.bot.clock(), days=days or None
            )
        period = next(words for words, number in PERIODS.items() if number == days)
        title = f"### Statistics · {f'the last {period}' if days else 'since the beginning'}"
        if found.is_empty:
            await ui.show(interaction, ui.Panel(ui.text(f"{title}\n{_nothing(days)}"), _select(days)))
            return
        parts: list[discord.ui.Item[Any]] = [ui.text("\n".join((title, *_figures(found, self.bot.tick_interval))))]
        files: list[tuple[str, bytes]] = []
        if stats_picture.can_draw():
            files.append((_FILE, await asyncio.to_thread(drawing.draw_stats, found)))
            parts.append(ui.picture(_FILE, stats_picture.describe(found)))
        parts.append(ui.text("\n".join(_coaches(found))))
        parts.append(_select(days))
        if not files:
            parts.append(ui.text(_HINT))
        await ui.show(interaction, ui.Panel(*parts, files=files))


def _select(days: int) -> discord.ui.ActionRow[Any]:
    options = [
        (f"The last {words}" if number else "Since the beginning", str(number), number == days)
        for words, number in PERIODS.items()
    ]
    return ui.row(ui.select(PICK.id(), options))


def _nothing(days: int) -> str:
    if days:
        return "Nothing was booked, held or cancelled in these days. Choose a longer period."
    return "No session has been booked here yet. `/coaching coaches` says who can be booked, and why not."


def _figures(found: Stats, tick_interval: timedelta) -> Iterator[str]:
    total, rounds = found.total, found.ticks
    yield f"-# {write_span(found.first, found.last)}; days are those of {found.zone_name}"
    over = total.completed + total.no_show
    share = f" ({total.no_show / over:.0%})" if over else ""
    yield (
        f"**Sessions** {total.created} booked · {total.completed} completed · {total.no_show} no-show{share} · "
        f"{total.cancelled} cancelled"
    )
    tried = found.with_room + found.without_room
    if tried:
        yield f"**Rooms** {found.with_room} of {tried} sessions had theirs ({room_share(found)})"
    stars = average(found.stars)
    count = sum(found.stars.values())
    yield f"**Reviews** {f'★ {stars:.1f} ({count})' if stars is not None else 'none'}"
    yield _loop(found, tick_interval) + (f", something failed in {rounds.failed}" if rounds.failed else "")


def _loop(found: Stats, interval: timedelta) -> str:
    """How often it ran. It looks after all servers, so these figures are of all of them."""
    rounds, days = found.ticks, (found.last - found.first).days + 1
    every = f"{interval.total_seconds():g} s" if interval < timedelta(minutes=2) else write_length(interval)
    words = f"**Background checks** run every {every} or more often, and did something {rounds.count} times"
    if not rounds.count:
        return words
    took = rounds.duration.total_seconds() / rounds.count
    lasted = f"{took:.1f} s" if took >= 0.1 else "less than 0.1 s"
    return f"{words}, {rounds.count / days:.1f} a day, for {lasted} each"


def _coaches(found: Stats) -> Iterator[str]:
    """The most booked first, with the numbers that they have in the picture."""
    yield "**Booked hours of those offered**"
    for number, one in enumerate(found.coaches[:_COACHES], 1):
        stars = average(one.stars)
        rating = f" · ★ {stars:.1f} ({sum(one.stars.values())})" if stars is not None else ""
        yield f"{number}\\. {ui.quoted(one.name, _NAME)} <@{one.user_id}> {write_hours(one)}{rating}"
    if len(found.coaches) > _COACHES:
        yield f"-# and {len(found.coaches) - _COACHES} more with fewer; `/coaching coaches` lists everybody"
