"""`/coaching coaches`: every coach of a server for its admins, and why someone can't be booked."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import discord
from discord import app_commands

from cogs import cards, routes, ui
from cogs.cards import booking_policy
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, group_command, on, opens
from cogs.ui.text import cut_our_text
from models import Coach, CoachStatus, Guild
from scheduler.availability.booking_policy import rules_of
from scheduler.availability.schedule import Dates
from scheduler.coaches import currencies
from scheduler.core.clock import stamp
from scheduler.parsing.dates import write_dates
from scheduler.parsing.weekly_hours import WEEKDAYS, write_hours
from scheduler.reports import coach_roster
from scheduler.reports.coach_roster import Entry, Profile
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle

RATE = Route("roster:rate:{user_id}")

_RATE = "Rate per hour"
_A_PAGE = 5
_MOST_DATES = 5
_EXCERPT, _LINE = 600, 120  # characters, so that a profile fits into a message's 4,000


class CoachRosterCog(Cog):
    """`/coaching coaches`."""

    @group_command("coaching", name="coaches", description="List all coaches, and why someone can't be booked")
    @app_commands.describe(member="Show everything about this coach (optional)")
    async def coaches(self, interaction: Interaction, member: discord.User | None = None) -> None:
        """List all coaches, or show one."""
        if member is None:
            await self.show_page(interaction)
        else:
            await self.show_profile(interaction, member.id)

    @on(RATE)
    async def rate_pressed(self, interaction: Interaction, user_id: int) -> None:
        """Set a coach's rate in the server's currency."""
        typed = ui.typed_in(interaction).get(_RATE, "")
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            await currencies.set_rate(session, guild, actor, user_id, typed, self.bot.clock())
        self.bot.wake()
        await self.show_profile(interaction, user_id)

    @opens(RATE)
    async def rate_form(self, interaction: Interaction, typed: Typed, user_id: int) -> ui.Form:
        """Ask an admin for the rate."""
        guild = await self.guild_for_admin(interaction)
        asked = f"In {guild.currency}. We'll tell them, and they can change it."
        field = ui.field(_RATE, typed, description=asked, placeholder="60", most=20)
        return ui.Form("Their rate", RATE.id(user_id=user_id), field)

    @on(routes.COACHES)
    async def show_page(self, interaction: Interaction, page: int = 0) -> None:
        """Show a page of coaches."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await coach_roster.list_coaches(
                session, guild.id, actor, self.bot.clock(), page=page, size=_A_PAGE
            )
        none = ui.text("No coaches here. People apply with `/coach apply`; `/coaching post` invites them.")
        shown = [_section(one) for one in found.shown] or [none]
        pager = ui.newer_and_older(routes.COACHES.id, page, has_more=found.has_more)
        await ui.show(interaction, ui.Panel(ui.text("### Coaches"), *shown, *pager))

    @on(routes.COACH, ui.acknowledge_beside)
    async def show_profile(self, interaction: Interaction, user_id: int) -> None:
        """Show a coach beside the list."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await coach_roster.profile(session, guild.id, actor, user_id, self.bot.clock())
        coach, cycle = found.entry.coach, ui.hour_cycle_of(interaction)
        parts = [
            "\n".join((_title(coach), _standing(found.entry), *_blocked(found.entry), *_decision(coach))),
            _sessions(found),
            "\n".join((_hours(found.entry), *_week(found.entry, cycle), *_dates(found.dates, cycle))),
            booking_policy.describe(rules_of(coach)),
            f"**Teaches** {ui.quoted(', '.join(found.specialties), 300)}",
            f"**About**\n{ui.quoted(coach.bio, _EXCERPT)}",
            f"**Experience and links**\n{ui.quoted(coach.experience, _EXCERPT)}",
        ]
        await ui.show(interaction, ui.Panel(*map(ui.text, parts), *ui.rows(*_rate_button(coach, guild))))


def _rate_button(coach: Coach, guild: Guild) -> list[ui.Button]:
    # Only for coaches who charge in another currency, so that admins needn't wait for them.
    if coach.currency == guild.currency or coach.status not in (CoachStatus.APPROVED, CoachStatus.PENDING):
        return []
    return [ui.button(f"Set rate in {guild.currency}…", RATE.id(user_id=coach.user_id))]


def _section(one: Entry) -> ui.Section:
    coach, rules = one.coach, rules_of(one.coach)
    limits = f"**Limits** {booking_policy.facts(rules)['Limits']}"
    facts = f"**Hours** {_length(one)} · {limits} · **Upcoming** {one.upcoming}"
    words = "\n".join((_title(coach), facts, _standing(one), *_blocked(one)))
    return ui.Section(words, accessory=ui.button("Profile", routes.COACH.id(user_id=coach.user_id)))


def _title(coach: Coach) -> str:
    # With the name, because Discord can't show mentions of people who left.
    facts = coach.status.value.capitalize(), cards.rate(coach), cards.rating(coach)
    return f"**{ui.quoted(coach.display_name, 100)}** <@{coach.user_id}>\n{' · '.join(facts)}"


def _standing(one: Entry) -> str:
    if one.next_free is not None:
        return f"🟢 **Next free** {stamp(one.next_free, 'f')}"
    return f"🔴 **Not bookable** {'; '.join(one.reasons)}"


def _blocked(one: Entry) -> list[str]:
    return [cards.blocks(one.blocked)] if one.blocked else []


def _length(one: Entry) -> str:
    return f"{one.weekly_total / timedelta(hours=1):g} h a week" if one.weekly_total else "not set"


def _decision(coach: Coach) -> Iterator[str]:
    decided = f" · **Decided** {stamp(coach.decided_at, 'f')} by <@{coach.decided_by}>" if coach.decided_at else ""
    yield f"**Applied** {stamp(coach.applied_at, 'f')}{decided}"
    if coach.decision_reason:
        yield ui.block(ui.quoted(coach.decision_reason, 200))
    if coach.role_error:
        yield f"🔴 **Coach role missing** {cut_our_text(coach.role_error, 200)}"


def _sessions(found: Profile) -> str:
    counts = (f"{count} {cards.STATUS_WORDS[status]}" for status, count in found.sessions.items() if count)
    return f"**Sessions** {' · '.join(counts) or 'none'}"


def _hours(one: Entry) -> str:
    zone = f" in {show_zone(one.coach.time_zone)}" if one.weekly_total else ""
    return f"**Hours** {_length(one)}{zone}"


def _week(one: Entry, cycle: HourCycle) -> Iterator[str]:
    for day, windows in one.week.items():
        yield f"{WEEKDAYS[day]} {ui.quoted(write_hours(windows, cycle), _LINE)}"


def _dates(dates: Sequence[Dates], cycle: HourCycle) -> Iterator[str]:
    # Without the reasons, which are the coach's own.
    for one in dates[:_MOST_DATES]:
        hours = (
            f"{'also ' if one.adds else ''}{ui.quoted(write_hours(one.windows, cycle), _LINE)}"
            if one.windows
            else "off"
        )
        yield f"{write_dates(one.first, one.last)}: {hours}"
    if len(dates) > _MOST_DATES:
        yield f"and {len(dates) - _MOST_DATES} more dates with other hours"
