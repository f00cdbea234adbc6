"""A coach's profile: showing it, and editing your own."""

import discord
from discord import app_commands

from cogs import cards, routes, ui
from cogs.cards import booking_policy
from cogs.coaches import forms
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, group_command, on, opens
from models import Coach, CoachStatus
from scheduler.availability.free_times import takes_bookings
from scheduler.coaches import profiles
from scheduler.coaches.applications import ProfileInput
from scheduler.coaches.profiles import Profile
from scheduler.core import coaches
from scheduler.core.clock import stamp
from scheduler.core.markup import visible
from scheduler.parsing.money import price, write_money
from scheduler.servers import settings
from scheduler.time.time_zones import is_known

EDIT = Route("coach:edit")

_MOST_LINKS = 8
_SAVED = {
    CoachStatus.APPROVED: "✅ Saved. This is what students see.",
    CoachStatus.PENDING: "✅ Saved. Admins see the change. Students will see this once you're approved.",
}
_STATES = {
    CoachStatus.PENDING: "⏳ **Not public yet.** An admin has to approve the application first.",
    CoachStatus.APPROVED: "🚪 **Not public any more.** They've left the server.",
    CoachStatus.REJECTED: "🚫 **Not public.** The application was rejected. `/coach apply` starts a new one.",
    CoachStatus.SUSPENDED: "⏸️ **Not public any more.** This coach is suspended.",
}
"""Why nobody else sees a profile."""


class ProfileCog(Cog):
    """`/coach profile` and `/coach edit`."""

    @group_command(
        "coach", name="profile", description="See who a coach is, what they teach and when they're free"
    )
    @app_commands.describe(member="The coach (optional). Leave it out to see your own profile")
    async def profile(self, interaction: Interaction, member: discord.User | None = None) -> None:
        """Show one profile."""
        await self._show(interaction, (member or interaction.user).id)

    @group_command(
        "coach", name="edit", description="Change your profile, or your open application", opens_form=True
    )
    async def edit(self, interaction: Interaction) -> None:
        """Open the form, filled in with the current profile."""
        await interaction.response.send_modal(await self.form(interaction, {}))

    @on(EDIT)
    async def edit_pressed(self, interaction: Interaction) -> None:
        """Save what was typed, and show the new profile."""
        written = ProfileInput(display_name=interaction.user.display_name, **forms.read(ui.typed_in(interaction)))
        guild_id, actor = ui.guild_id_of(interaction), ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            coach = await profiles.edit(session, guild_id, actor, written, self.bot.clock())
        self.bot.wake()
        await self._show(interaction, interaction.user.id, _SAVED[coach.status])

    @opens(EDIT)
    async def form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask what the profile should say, filled in with what was typed, or else with the current profile."""
        async with self.bot.db.read() as session:
            guild, _ = await self.guild_and_actor(session, interaction)
            coach = profiles.check_may_edit(await coaches.find(session, guild.id, interaction.user.id))
            await profiles.check_not_blocked(session, coach)
            taught_here = await settings.specialties(session, guild.id)
            taught = await coaches.coach_specialties(session, guild.id, coach.user_id)
        currency = coach.currency if coach.rate_minor else guild.currency
        typed = typed or forms.filled_in(coach, taught, coach.currency)
        return ui.Form("Your profile", EDIT.id(), *forms.fields(typed, taught_here, currency, guild.currency))

    async def _show(self, interaction: Interaction, user_id: int, said: str | None = None) -> None:
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await profiles.view(session, guild.id, user_id, actor, self.bot.clock())
        await ui.show(interaction, _panel(found, is_own=actor.user_id == user_id, said=said))


def _panel(one: Profile, *, is_own: bool, said: str | None) -> ui.Panel:
    coach = one.coach
    parts: list[ui.Item] = [
        cards.with_avatar(
            coach,
            f"### <@{coach.user_id}>\n{cards.rating(coach)} · {cards.rate(coach)}\n"
            f"**Teaches** {cards.taught(one.specialties)}\n**Lengths** {_lengths(coach)}\n"
            f"**Room** {booking_policy.SESSION_TYPES[coach.session_type].lower()}",
        ),
        ui.Separator(),
        ui.text(ui.quoted(coach.bio, 1300)),
        *([ui.text(f"**Links**\n{_links(coach)}")] if coach.portfolio else []),
        ui.Separator(),
        ui.text(_status(one)),
        *ui.rows(*_buttons(one, is_own=is_own)),
    ]
    return ui.Panel(ui.Container(*parts), said=said)


def _lengths(coach: Coach) -> str:
    """List the session lengths with prices, the usual one first."""
    lengths = (cards.read_duration(minutes) for minutes in coach.durations_minutes)
    return ", ".join(
        f"{cards.length(one)} ({write_money(price(coach.rate_minor, one), coach.currency)})" for one in lengths
    )


def _links(coach: Coach) -> str:
    """List the links in angle brackets, which keep odd characters inside the address."""
    links = visible(coach.portfolio).splitlines()
    more = len(links) - _MOST_LINKS
    shown = [f"- <{link}>" for link in links[:_MOST_LINKS]]
    return "\n".join(shown + ([f"… and {more} more"] if more > 0 else []))


def _status(one: Profile) -> str:
    coach = one.coach
    if not one.is_public:
        lines = [_STATES[coach.status]]
        if coach.status in (CoachStatus.REJECTED, CoachStatus.SUSPENDED):
            lines.append(cards.decision(coach))
        return "\n".join([*lines, "-# Only admins and this person can see this."])
    if not takes_bookings(coach):
        return (
            "Not taking new bookings at the moment."
            if is_known(coach.time_zone)
            else "Has to choose a time zone in `/availability` before anyone can book them."
        )
    if one.next_free is None:
        return f"Nothing is free in the next {coach.horizon_days} days."
    return f"**Next free** {stamp(one.next_free)} ({stamp(one.next_free, 'R')})"


def _buttons(one: Profile, *, is_own: bool) -> list[ui.Button]:
    reviews = ui.button("Reviews", routes.READ_REVIEWS.id(coach_id=one.coach.user_id))
    if is_own:
        may_edit = one.coach.status in (CoachStatus.PENDING, CoachStatus.APPROVED)
        return [*([ui.button("Edit…", EDIT.id())] if may_edit else []), *([reviews] if one.is_public else [])]
    if not one.is_public:
        return []
    book = routes.BOOK_COACH.id(coach_id=one.coach.user_id, minutes=0, day=0, page=0)
    return [ui.button("Book", book, ui.PRIMARY, disabled=one.next_free is None), reviews]
