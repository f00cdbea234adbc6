"""One person's credit, for admins: what they have, giving and taking back."""

import discord
from discord import app_commands

from cogs import routes, ui
from cogs.credits import lots
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, group_command, on, opens
from models import CreditLot, LotSource, Package
from scheduler.core.clock import last_day
from scheduler.core.errors import CoachingError, NotAllowed, NotFound
from scheduler.credits import grants, packages, statements
from scheduler.credits.grants import LONGEST_REASON
from scheduler.credits.statements import Balance, Facts
from scheduler.parsing.fields import Fields

PICK_PERSON = Route("credits:person:pick")
GIVE = Route("credits:person:{user_id}:give")
GIVE_PACKAGE = Route("credits:person:{user_id}:package")
HISTORY = Route("credits:person:{user_id}:history:{page}")
# {agreed} is whether the admin was asked first.
TAKE_BACK = Route("credits:lot:{lot_id}:take:{agreed}")

_MINUTES, _REASON, _DAYS = "Minutes", "Reason", "Days valid"
_A_PAGE = 6


class PeopleCog(Cog):
    """`/coaching grant`, and the panel about a person's credit."""

    @group_command("coaching", name="grant", description="Give someone credit, like when they've paid in cash")
    @app_commands.describe(
        member="Who",
        minutes="How many minutes",
        reason="They'll see this, like: paid in cash",
        days="How many days it's valid (optional). Leave it out for no end",
    )
    async def grant(
        self,
        interaction: Interaction,
        member: discord.User,
        minutes: int,
        reason: app_commands.Range[str, 1, LONGEST_REASON],
        days: int | None = None,
    ) -> None:
        """Give one person minutes."""
        await self._give(interaction, member.id, minutes, reason, days)

    @on(PICK_PERSON)
    async def picked(self, interaction: Interaction) -> None:
        """Show the person that was picked."""
        await self._show(interaction, ui.chosen_in(interaction)[0])

    @on(routes.CREDIT_OF)
    async def shown(self, interaction: Interaction, user_id: int, page: int) -> None:
        """Show a person's credit."""
        await self._show(interaction, user_id, page)

    @on(GIVE)
    async def given(self, interaction: Interaction, user_id: int) -> None:
        """Give what the form says."""
        typed = ui.typed_in(interaction)
        with Fields() as fields:
            minutes = fields.read(_MINUTES, grants.read_minutes, typed.get(_MINUTES, ""))
            reason = fields.read(_REASON, grants.read_reason, typed.get(_REASON, ""))
            until = typed.get(_DAYS, "").strip()
            days = fields.read(_DAYS, grants.read_days, until) if until else None
        await self._give(interaction, user_id, minutes, reason, days)

    @opens(GIVE)
    async def give_form(self, interaction: Interaction, typed: Typed, user_id: int) -> ui.Form:
        """Ask how many minutes, and why."""
        await self.guild_for_admin(interaction)
        return ui.Form(
            "Give credit",
            GIVE.id(user_id=user_id),
            ui.field(_MINUTES, typed, description='In minutes, or like "2 hours".', placeholder="60", most=20),
            ui.field(
                _REASON, typed, description="They'll see this.", placeholder="Paid in cash", most=LONGEST_REASON
            ),
            ui.field(
                _DAYS, typed, description="Leave empty for no end.", placeholder="180", required=False, most=10
            ),
        )

    @on(GIVE_PACKAGE)
    async def package_given(self, interaction: Interaction, user_id: int) -> None:
        """Give the package that was picked."""
        await self._check_recipient(interaction, user_id)
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            package = await packages.find(session, guild.id, ui.chosen_in(interaction)[0])
            await packages.give(session, guild, package, user_id, now, actor=actor)
        self.bot.wake()
        said = f"✅ Given: **{ui.quoted(package.name, 100)}**. We've messaged <@{user_id}>."
        await self._show(interaction, user_id, said=said)

    @on(TAKE_BACK)
    async def take_back_pressed(self, interaction: Interaction, lot_id: int, agreed: int) -> None:
        """Take back what's left of a lot, once the admin has agreed."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            found = await grants.find(session, guild.id, lot_id, lock=bool(agreed))
            before, facts = found.minutes_left, await statements.facts_of(session, guild.id, [found])
            if agreed:
                await grants.take_back(session, guild.id, actor, lot_id, now)
        if agreed:
            said = f"✅ Took back {lots.minutes(before)}. Booked sessions stay."
            await self._show(interaction, found.user_id, said=said)
        else:
            await ui.show(interaction, _question(found, facts))

    @on(HISTORY)
    async def history(self, interaction: Interaction, user_id: int, page: int) -> None:
        """Show what became of a person's credit, newest first."""
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            found, count = await statements.movements(session, guild.id, user_id, page=page)
            facts = await statements.facts_of(session, guild.id, [one.lot for one in found])
        title = f"### Credit of <@{user_id}>: history"
        back = "◀ Credit", routes.CREDIT_OF.id(user_id=user_id, page=0)
        turn = lots.turning(HISTORY, user_id=user_id)
        await ui.show(interaction, lots.history(title, found, facts, turn, page, count, back))

    async def _give(
        self, interaction: Interaction, user_id: int, minutes: int, reason: str, days: int | None
    ) -> None:
        await self._check_recipient(interaction, user_id)
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            lot = await grants.give(session, guild, actor, user_id, minutes, reason, days, now)
        self.bot.wake()
        until = f", until {last_day(lot.valid_until)}" if lot.valid_until else ""
        said = f"✅ Gave <@{user_id}> {lots.minutes(minutes)}{until}. We've messaged them."
        await self._show(interaction, user_id, said=said)

    async def _check_recipient(self, interaction: Interaction, user_id: int) -> None:
        """Raise NotAllowed for bots, NotFound for people who aren't in the server, and unless an admin pressed."""
        await self.guild_for_admin(interaction)
        assert interaction.guild is not None
        try:
            member = await interaction.guild.fetch_member(user_id)
        except discord.NotFound:
            raise NotFound(f"<@{user_id}> isn't in this server, so they can't get credit here.") from None
        except discord.HTTPException as failure:
            raise CoachingError("Discord didn't answer. Try again in a minute.") from failure
        if member.bot:
            raise NotAllowed(f"<@{user_id}> is a bot, and bots don't book sessions. Pick a person.")

    async def _show(
        self, interaction: Interaction, user_id: int, page: int = 0, *, said: str | None = None
    ) -> None:
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            found = await statements.balance(session, guild.id, user_id, self.bot.clock())
            facts = await statements.facts_of(session, guild.id, found.lots)
            offered = await packages.on_sale(session, guild.id)
            _, count = await statements.movements(session, guild.id, user_id)
        await ui.show(
            interaction, _panel(user_id, found, facts, offered, page, has_history=bool(count), said=said)
        )


def _panel(
    user_id: int,
    found: Balance,
    facts: Facts,
    offered: list[Package],
    page: int,
    *,
    has_history: bool,
    said: str | None,
) -> ui.Panel:
    reserved = (
        f"\n{lots.minutes(found.reserved)} more are reserved for upcoming sessions." if found.reserved else ""
    )
    shown, pager = ui.paged(found.lots, page, _A_PAGE, lots.turning(routes.CREDIT_OF, user_id=user_id))
    picks = [(lots.package_label(one), str(one.id), False) for one in offered]
    give = ui.select(GIVE_PACKAGE.id(user_id=user_id), picks, placeholder="Give a package") if picks else None
    history = [ui.button("History", HISTORY.id(user_id=user_id, page=0))] if has_history else []
    return ui.Panel(
        ui.text(f"### Credit of <@{user_id}>: {lots.minutes(found.minutes)}{reserved}"),
        *(_section(one, facts) for one in shown),
        *pager,
        *([ui.row(give)] if give else []),
        ui.row(
            ui.button("Give minutes…", GIVE.id(user_id=user_id)),
            *history,
            ui.button("◀ Credit", routes.CREDIT_ADMIN.id()),
        ),
        said=said,
    )


def _section(one: CreditLot, facts: Facts) -> ui.Item:
    if one.source is LotSource.ROLE:  # comes again as long as they have the role
        return ui.text(lots.lot(one, facts))
    take = ui.button("Take back…", TAKE_BACK.id(lot_id=one.id, agreed=0))
    return ui.Section(lots.lot(one, facts), accessory=take)


def _question(one: CreditLot, facts: Facts) -> ui.Panel:
    yes = ui.button("Take it back", TAKE_BACK.id(lot_id=one.id, agreed=1), ui.DANGER)
    no = ui.button("Keep it", routes.CREDIT_OF.id(user_id=one.user_id, page=0))
    words = (
        f"### Take this back from <@{one.user_id}>?\n{lots.lot(one, facts)}\nSessions they've booked with it stay."
    )
    return ui.Panel(ui.text(words), ui.row(yes, no))
