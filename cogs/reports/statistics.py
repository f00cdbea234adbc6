"""`/coaching stats`: how coaching went, in figures and, with the extra `charts`, as a picture."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Literal

from discord import app_commands

from cogs import routes, ui
from cogs.images import drawing
from cogs.images import stats as stats_picture
from cogs.images.stats import room_share, write_hours, write_span
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, group_command, on
from scheduler.availability import reader_zone
from scheduler.parsing.durations import write_length
from scheduler.parsing.money import write_sum
from scheduler.reports import earnings, statistics
from scheduler.reports.earnings import Earned
from scheduler.reports.statistics import Stats, Weekly, average
from scheduler.reports.waiting_list import Offered
from scheduler.reports.workshops import Held

PICK = Route("stats:period")

PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90, "all": 0}
"""How many days each option covers, including today; 0 means all."""
_DEFAULT = 30
_FILE = "stats.png"
_MOST_COACHES = 15
_MOST_MONTHS, _MOST_EARNING = 3, 8
_LONGEST_NAME = 40


class StatisticsCog(Cog):
    """`/coaching stats`."""

    @group_command("coaching", name="stats", description="Show statistics on sessions, rooms, hours and reviews")
    @app_commands.describe(period="Up to today (optional). Default: 30 days")
    async def stats(
        self, interaction: Interaction, period: Literal["7 days", "30 days", "90 days", "all"] = "30 days"
    ) -> None:
        """Show the statistics."""
        await self.show(interaction, PERIODS[period])

    @on(PICK)
    async def period_picked(self, interaction: Interaction) -> None:
        """Show another period."""
        await self.show(interaction, ui.chosen_in(interaction)[0])

    @on(routes.STATISTICS)
    async def show(self, interaction: Interaction, days: int = _DEFAULT) -> None:
        """Show the statistics of this period, or of the usual one."""
        days = days if days in PERIODS.values() else _DEFAULT
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            zone_name = await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone)
            found = await statistics.gather(
                session, guild.id, actor, zone_name, self.bot.clock(), days=days or None
            )
            earned = await earnings.by_month(session, guild, actor, self.bot.clock(), since=found.first)
        period = next(words for words, number in PERIODS.items() if number == days)
        title = f"### Statistics · {f'the last {period}' if days else 'since the beginning'}"
        if found.is_empty:
            await ui.show(interaction, ui.Panel(ui.text(f"{title}\n{_nothing(days)}"), _select(days)))
            return
        parts: list[ui.Item] = [ui.text("\n".join((title, *_figures(found, self.bot.tick_interval))))]
        files: list[tuple[str, bytes]] = []
        if stats_picture.can_draw():
            files.append((_FILE, await asyncio.to_thread(drawing.draw_stats, found)))
            parts.append(ui.picture(_FILE, stats_picture.describe(found)))
        parts.append(ui.text("\n".join(_coaches(found))))
        if earned:
            parts.append(ui.text("\n".join(_earned(earned))))
        parts.append(_select(days))
        await ui.show(interaction, ui.Panel(*parts, files=files))


def _select(days: int) -> ui.Item:
    options = [
        (f"The last {words}" if number else "Since the beginning", str(number), number == days)
        for words, number in PERIODS.items()
    ]
    return ui.row(ui.select(PICK.id(), options))


def _nothing(days: int) -> str:
    if days:
        return "Nothing was booked, held or cancelled in these days. Choose a longer period."
    return "No session has been booked here yet. `/coaching coaches` shows who can be booked, and why not."


def _figures(found: Stats, tick_interval: timedelta) -> Iterator[str]:
    total = found.total
    yield f"-# {write_span(found.first, found.last)} in {found.zone_name}"
    over = total.completed + total.no_show
    share = f" ({total.no_show / over:.0%})" if total.no_show else ""
    yield (
        f"**Sessions** {total.created} booked · {total.completed} completed · "
        f"{stats_picture.count_no_shows(total)}{share} · {total.cancelled} cancelled"
    )
    tried = found.with_room + found.without_room
    if tried:
        yield f"**Rooms** {found.with_room} of {tried} sessions had one ({room_share(found)})"
    if any(found.workshops):
        yield f"**Workshops** {_workshops(found.workshops)}"
    if any(found.weekly):
        yield f"**Weekly lessons** {_weekly(found.weekly)}"
    yield f"**Reviews** {_rating(found.stars) or 'none'}"
    if any(found.offered):
        yield f"**Waiting list** {_offered(found.offered)}"
    yield _checks(found, tick_interval)


def _workshops(found: Held) -> str:
    facts = [f"{found.upcoming} upcoming"]
    if found.held:
        facts.append(f"{found.held} held with {found.taken} of {found.seats} seats taken")
    if found.cancelled:
        facts.append(f"{found.cancelled} cancelled")
    return " · ".join(facts)


def _weekly(found: Weekly) -> str:
    facts = [f"{found.running} running"]
    more = (found.requested, "not answered yet"), (found.begun, "begun"), (found.ended, "ended")
    return " · ".join(facts + [f"{count} {what}" for count, what in more if count])


def _offered(found: Offered) -> str:
    facts = ["1 person waiting" if found.waiting == 1 else f"{found.waiting} people waiting"]
    if found.made:
        facts.append("1 offer made" if found.made == 1 else f"{found.made} offers made")
        outcomes = ((found.taken, "taken"), (found.passed, "passed"), (found.lapsed, "ran out"))
        facts += [f"{count} {outcome}" for count, outcome in outcomes]
    return " · ".join(facts)


def _checks(found: Stats, interval: timedelta) -> str:
    # The checks serve all servers, so these figures are about all of them.
    ticks, days = found.ticks, (found.last - found.first).days + 1
    facts = [f"{ticks.count} with something to do"]
    if interval <= timedelta(minutes=2):
        facts.insert(0, f"every {interval.total_seconds():g} s")
    elif interval < timedelta(days=1):  # the demo only checks when something is due
        facts.insert(0, f"every {write_length(interval)}")
    if ticks.count:
        seconds = ticks.duration.total_seconds() / ticks.count
        lasted = f"{seconds:.1f} s" if seconds >= 0.1 else "less than 0.1 s"
        facts += [f"{ticks.count / days:.1f} a day", f"{lasted} each"]
    if ticks.failed:
        facts.append(f"{ticks.failed} failed in part")
    return f"**Background checks** {' · '.join(facts)}"


def _coaches(found: Stats) -> Iterator[str]:
    # The most booked first, with their numbers in the picture.
    yield "**Booked hours of those offered**"
    for number, one in enumerate(found.coaches[:_MOST_COACHES], 1):
        rating = f" · {rating}" if (rating := _rating(one.stars)) else ""
        name = ui.quoted(one.name, _LONGEST_NAME)
        yield f"{number}\\. {name} <@{one.user_id}> {write_hours(one)}{rating}"
    if len(found.coaches) > _MOST_COACHES:
        yield f"-# and {len(found.coaches) - _MOST_COACHES} more with fewer; `/coaching coaches` lists everyone"


def _earned(found: list[Earned]) -> Iterator[str]:
    yield "**Earned by month**"
    yield "-# Whole months on the server's clock. The statement in `/coaching export` has all of them."
    months = list(dict.fromkeys(one.month for one in found))
    for month in months[:_MOST_MONTHS]:
        theirs = [one for one in found if one.month == month]
        yield f"{month:%B %Y}"
        for one in theirs[:_MOST_EARNING]:
            minutes = f"{one.minutes:,} min"
            if one.credit_minutes:
                minutes += f", {one.credit_minutes:,} of them with credit"
            yield f"- <@{one.coach_id}> {write_sum(one.total_minor, one.currency)} ({minutes})"
        if len(theirs) > _MOST_EARNING:
            yield f"- and {len(theirs) - _MOST_EARNING} more"


def _rating(stars: Mapping[int, int]) -> str:
    shown = average(stars)
    return f"★ {shown:.1f} ({sum(stars.values())})" if shown is not None else ""
