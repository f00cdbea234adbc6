"""`/workshop new`: what a workshop is to be like, a preview, and its announcement."""

from discord import app_commands
from sqlalchemy.ext.asyncio import AsyncSession

from cogs import routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.options import CoachOption
from cogs.ui.routing import Cog, Route, group_command, on, opens
from cogs.workshops import draft as drafts
from cogs.workshops.draft import ANNOUNCE, CHANGE, DISCARD, NEW, RULES, Draft
from models import Coach, Guild
from scheduler.availability import reader_zone
from scheduler.core import coaches
from scheduler.core.errors import Misconfigured, NotAllowed, NotBookable, NotFound, WrongFields
from scheduler.parsing.fields import Fields
from scheduler.time.hour_cycle import HourCycle
from scheduler.workshops import terms, workshops

PREVIEW = Route(CHANGE.template.replace("draft", "preview"))


class WrongRules(WrongFields):
    """Something in the second form can't be used. It keeps what was on the preview."""

    def __init__(self, fields: Fields, draft: Draft, texts: Typed) -> None:
        self.draft, self.texts = draft, texts
        super().__init__(fields.wrong)


class AnnouncingCog(Cog):
    """`/workshop new`."""

    @group_command("workshop", name="new", description="Announce a workshop of yours", opens_form=True)
    @app_commands.describe(coach="Whose workshop it is. Only admins can choose someone else (optional)")
    async def new(self, interaction: Interaction, coach: CoachOption | None = None) -> None:
        """Ask what it's about."""
        if isinstance(coach, str):
            raise NotFound(f'No coach is called "{ui.quoted(coach, 50)}". Pick one from the suggestions.')
        await interaction.response.send_modal(await self.first_form(interaction, {}, coach or interaction.user.id))

    @opens(NEW)
    async def first_form(self, interaction: Interaction, typed: Typed, coach_id: int) -> ui.Form:
        """Ask what it's about, when it is, and for how many."""
        async with self.bot.db.read() as session:
            _, _, zone_name = await self._may_announce(session, interaction, coach_id)
        return drafts.first_form(NEW.id(coach_id=coach_id), zone_name, typed)

    @on(NEW)
    async def first_sent(self, interaction: Interaction, coach_id: int) -> None:
        """Show the preview."""
        await self._show_read(interaction, coach_id, None)

    @opens(CHANGE)
    async def change_form(
        self,
        interaction: Interaction,
        typed: Typed,
        coach_id: int,
        start: int,
        shape: int,
        cost: int,
        currency: int,
    ) -> ui.Form:
        """Ask for the first form's fields again, with what the preview says."""
        draft = Draft.read(coach_id, start, shape, cost, currency)
        async with self.bot.db.read() as session:
            _, _, zone_name = await self._may_announce(session, interaction, coach_id)
        texts = ui.stored_fields(interaction.message)
        before = typed or drafts.written_first(draft, texts, zone_name)
        return drafts.first_form(CHANGE.id(**draft.numbers), zone_name, before)

    @on(CHANGE)
    async def changed(
        self, interaction: Interaction, coach_id: int, start: int, shape: int, cost: int, currency: int
    ) -> None:
        """Show the preview again."""
        await self._show_read(interaction, coach_id, Draft.read(coach_id, start, shape, cost, currency))

    @opens(RULES)
    async def rules_form(
        self,
        interaction: Interaction,
        typed: Typed,
        coach_id: int,
        start: int,
        shape: int,
        cost: int,
        currency: int,
    ) -> ui.Form:
        """Ask what a seat costs, and how many people have to come."""
        async with self.bot.db.read() as session:
            guild, _, _ = await self._may_announce(session, interaction, coach_id)
        draft = Draft.read(coach_id, start, shape, cost, currency)
        return drafts.rules_form(draft, typed, mirrors=guild.mirrors_workshops)

    @on(RULES)
    async def rules_sent(
        self, interaction: Interaction, coach_id: int, start: int, shape: int, cost: int, currency: int
    ) -> None:
        """Show the preview with the price and rules."""
        draft, fields = Draft.read(coach_id, start, shape, cost, currency), Fields()
        texts = ui.stored_fields(interaction.message)
        changed = drafts.read_rules(draft, fields, ui.typed_in(interaction))
        if fields.wrong:
            raise WrongRules(fields, draft, texts)
        await self._show(interaction, changed, texts)

    @on(PREVIEW)
    async def back_pressed(
        self, interaction: Interaction, coach_id: int, start: int, shape: int, cost: int, currency: int
    ) -> None:
        """Show the preview as it was."""
        draft = Draft.read(coach_id, start, shape, cost, currency)
        await self._show(interaction, draft, ui.stored_fields(interaction.message))

    @on(DISCARD)
    async def discard_pressed(self, interaction: Interaction) -> None:
        """Forget it."""
        await ui.show(interaction, ui.Panel(ui.text("Discarded. Nothing was announced.")))

    @on(ANNOUNCE)
    async def announce_pressed(
        self, interaction: Interaction, coach_id: int, start: int, shape: int, cost: int, currency: int
    ) -> None:
        """Create the workshop, which announces it."""
        draft = Draft.read(coach_id, start, shape, cost, currency)
        texts = ui.stored_fields(interaction.message)
        async with self.bot.db.read() as session:  # before Discord is asked about the coach
            await self._may_announce(session, interaction, coach_id)
        await self.bot.check_coach_membership(ui.guild_id_of(interaction), coach_id)
        async with self.bot.db.begin() as session:
            guild, coach, _ = await self._may_announce(session, interaction, coach_id)
            _check_currency(draft, coach)
            actor = ui.actor_of(interaction, guild)
            made = await workshops.create(session, guild, actor, coach_id, draft.terms(texts), self.bot.clock())
        self.bot.wake()
        words = (
            f"**Announced ✅**\n**{ui.quoted(made.title)}** will be in <#{guild.workshop_channel_id}> in a moment."
        )
        details = ui.button("Details", routes.WORKSHOP.id(session_id=made.session_id))
        every = ui.button("All workshops", routes.WORKSHOPS.id(page=0))
        await ui.show(interaction, ui.Panel(ui.text(words), ui.row(details, every)))

    async def _show_read(self, interaction: Interaction, coach_id: int, before: Draft | None) -> None:
        typed = ui.typed_in(interaction)
        async with self.bot.db.read() as session:
            guild, coach, zone_name = await self._may_announce(session, interaction, coach_id)
        draft = drafts.read_first(typed, coach, zone_name, self.bot.clock(), before)
        await ui.show(interaction, drafts.preview(draft, typed, guild, zone_name))

    async def _show(self, interaction: Interaction, draft: Draft, texts: Typed) -> None:
        async with self.bot.db.read() as session:
            guild, _, zone_name = await self._may_announce(session, interaction, draft.coach_id)
        await ui.show(interaction, drafts.preview(draft, texts, guild, zone_name))

    async def _may_announce(
        self, session: AsyncSession, interaction: Interaction, coach_id: int
    ) -> tuple[Guild, Coach, str]:
        """Return the server, the coach, and the reader's zone.

        Raises NotAllowed for anyone but the coach and admins, NotFound for someone who doesn't coach here, and
        Misconfigured if there's no channel for it.
        """
        guild, actor = await self.guild_and_actor(session, interaction)
        if actor.user_id != coach_id and not actor.is_admin:
            raise NotAllowed("You can only announce workshops of your own. Ask an admin to announce it.")
        coach = await coaches.approved_coach(session, guild.id, coach_id, own=actor.user_id == coach_id)
        if guild.workshop_channel_id is None:
            raise Misconfigured(
                "This server has no channel for workshops yet. An admin can choose one with `/coaching setup`."
            )
        return guild, coach, await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone)


def _check_currency(draft: Draft, coach: Coach) -> None:
    if draft.price_minor and draft.currency != coach.currency:
        raise NotBookable(
            f"Your prices are in {coach.currency} now, and this one is in {draft.currency}. Press **Change…**, "
            "then set the price again."
        )


def _wrong_rules(error: WrongRules, typed: Typed, _cycle: HourCycle) -> ui.Panel:
    """Say what's wrong, with what was typed and the way back to the preview."""
    numbers = error.draft.numbers
    kept = {name: error.texts[name] for name in (terms.TITLE, terms.DESCRIPTION) if name in error.texts}
    return ui.Panel(
        ui.text(f"⚠️ {error}"),
        ui.Separator(),
        *(ui.store_field(name, words) for name, words in {**kept, **typed}.items() if words.strip()),
        ui.row(
            ui.button("Fix it", f"{ui.FIX}{RULES.id(**numbers)}", ui.PRIMARY),
            ui.button("◀ Preview", PREVIEW.id(**numbers)),
        ),
    )


ui.show_as(WrongRules, _wrong_rules)
