"""Blocking members from booking or applying to coach, and undoing it."""

from collections.abc import Sequence
from typing import Literal

import discord
from discord import app_commands

from cogs import routes, ui
from cogs.coaches import student_sessions
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, beside, group_command, on, opens
from models import Block, BlockedFrom, CoachingSession, CoachStatus
from scheduler.booking import blocks
from scheduler.booking.blocks import LONGEST_REASON
from scheduler.booking.cancellation import list_upcoming
from scheduler.core.clock import stamp
from scheduler.core.errors import NotFound
from scheduler.parsing.lists import all_of, any_of

LIFT = Route("block:list:{page}:lift:{user_id}:{what}")

WHAT = {"booking": routes.FROM_BOOKING, "applying": routes.FROM_APPLYING, "both": routes.FROM_BOTH}
"""The command's choices, with their numbers in a `custom_id`."""

_MEANT = {
    routes.FROM_BOOKING: (BlockedFrom.BOOKING,),
    routes.FROM_APPLYING: (BlockedFrom.APPLYING,),
    routes.FROM_BOTH: blocks.EVERYTHING,
}
_REASON = "Reason"
_DOING = {BlockedFrom.BOOKING: "book sessions", BlockedFrom.APPLYING: "apply to coach"}
_A_PAGE = 6


class BlockingCog(Cog):
    """`/coaching block`, `unblock` and `blocked`, and the buttons that do the same."""

    @group_command("coaching", name="block", description="Stop someone from booking, applying to coach, or both")
    @app_commands.describe(
        member="Who", what="What they can't do any more", reason="They'll see this when they try (optional)"
    )
    async def block(
        self,
        interaction: Interaction,
        member: discord.User,
        what: Literal["booking", "applying", "both"],
        reason: app_commands.Range[str, 1, LONGEST_REASON] | None = None,
    ) -> None:
        """Block one person."""
        await self._block(interaction, member.id, WHAT[what], reason or "")

    @group_command("coaching", name="unblock", description="Let someone book and apply again")
    @app_commands.describe(member="Who")
    async def unblock(self, interaction: Interaction, member: discord.User) -> None:
        """Lift all blocks of one person."""
        await self._unblock(interaction, member.id, routes.FROM_BOTH)

    @group_command(
        "coaching", name="blocked", description="See who is blocked from what and why, and unblock them"
    )
    async def blocked(self, interaction: Interaction) -> None:
        """Show the first page of the list."""
        await self.show_page(interaction)

    @on(routes.BLOCK, ui.acknowledge_beside)
    async def block_pressed(self, interaction: Interaction, user_id: int, what: int) -> None:
        """Block someone, and reply beside the card."""
        await self._block(interaction, user_id, what, ui.typed_in(interaction).get(_REASON, ""))

    @opens(routes.BLOCK)
    async def form(self, interaction: Interaction, typed: Typed, user_id: int, what: int) -> ui.Form:
        """Ask an admin why, filled in with the current reason."""
        meant = _meant(what)
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            found = await blocks.list_blocks(session, guild.id, user_id)
        current = next((one.reason for one in found if one.reason and one.blocked_from in meant), "")
        field = ui.field(
            _REASON,
            typed or {_REASON: current},
            description="They'll see this when they try.",
            long=True,
            required=False,
            most=LONGEST_REASON,
        )
        return ui.Form(f"Block from {all_of(meant)}", routes.BLOCK.id(user_id=user_id, what=what), field)

    @on(routes.UNBLOCK, ui.acknowledge_beside)
    async def unblock_pressed(self, interaction: Interaction, user_id: int, what: int) -> None:
        """Lift the block, and reply beside the card."""
        await self._unblock(interaction, user_id, what)

    @on(LIFT)
    async def lift_pressed(self, interaction: Interaction, page: int, user_id: int, what: int) -> None:
        """Lift a block and show the list without it."""
        await self._lift(interaction, user_id, what)
        await self.show_page(interaction, page)

    async def _block(self, interaction: Interaction, user_id: int, what: int, reason: str) -> None:
        meant = _meant(what)
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            status = await blocks.block(session, guild.id, user_id, actor, meant, reason, now)
            is_booking = BlockedFrom.BOOKING in meant
            upcoming = await list_upcoming(session, guild.id, user_id, actor, now) if is_booking else []
        self.bot.wake()
        buttons = student_sessions.buttons(user_id, upcoming, by=actor)
        undo = ui.button("Undo", routes.UNBLOCK.id(user_id=user_id, what=what))
        said = "\n".join(_consequences(user_id, meant, status, reason, upcoming))
        await ui.show(interaction, ui.Panel(ui.text(said), ui.row(*buttons, undo)))

    async def _unblock(self, interaction: Interaction, user_id: int, what: int) -> None:
        lifted = await self._lift(interaction, user_id, what)
        can = all_of(_DOING[one] for one in lifted)
        await ui.show(interaction, ui.Panel(ui.text(f"**Unblocked.** <@{user_id}> can {can} again.")))

    @on(routes.BLOCKED)
    async def show_page(self, interaction: Interaction, page: int = 0) -> None:
        """Show an admin who's blocked."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await blocks.list_page(session, guild.id, actor, page=page, size=_A_PAGE)
        none = ui.text(
            "There's nobody on this page."
            if page
            else "Nobody is blocked here. To block someone, use `/coaching block`."
        )
        shown = [part for one in found.shown for part in _parts(one, page)] or [none]
        pager = ui.newer_and_older(routes.BLOCKED.id, page, has_more=found.has_more)
        await ui.show(interaction, ui.Panel(ui.text("### Blocked members"), *shown, *pager))

    async def _lift(self, interaction: Interaction, user_id: int, what: int) -> Sequence[BlockedFrom]:
        meant = _meant(what)
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            lifted = await blocks.unblock(session, guild.id, user_id, actor, meant, self.bot.clock())
        self.bot.wake()
        return lifted


def _meant(what: int) -> tuple[BlockedFrom, ...]:
    """Read what a `custom_id` blocks from. Raises NotFound for a number we never used."""
    if what not in _MEANT:
        raise NotFound("This button is out of date. Run `/coaching blocked` to see who is blocked.")
    return _MEANT[what]


def _consequences(
    user_id: int,
    what: Sequence[BlockedFrom],
    status: CoachStatus | None,
    reason: str,
    upcoming: Sequence[CoachingSession],
) -> list[str]:
    """Say what the block does, and what it leaves alone: last of all, their upcoming sessions."""
    cannot = any_of(_DOING[one] for one in what)
    told = "They'll see your reason when they try." if reason.strip() else "They'll be told when they try."
    lines = [f"**Blocked.** <@{user_id}> can't {cannot} here. {told}"]
    if BlockedFrom.BOOKING in what:
        lines.append("If they were holding a time or paying for it, it's free again.")
    if status is CoachStatus.APPROVED:
        lines.append("They still coach here. To stop that, use `/coach suspend`.")
    if status is CoachStatus.PENDING and BlockedFrom.APPLYING in what:
        lines.append("Their open application stays until you decide: `/coach approve` or `/coach reject`.")
    if BlockedFrom.BOOKING in what:
        lines.extend(student_sessions.lines(user_id, upcoming))
    return lines


def _parts(one: Block, page: int) -> list[ui.Item]:
    words = (
        f"<@{one.user_id}> · **{one.blocked_from}** · by <@{one.blocked_by}> {stamp(one.blocked_at, 'f')}\n"
        f"{ui.block(ui.quoted(one.reason, 300)) if one.reason else '-# No reason given'}"
    )
    buttons = [ui.button("Unblock", LIFT.id(page=page, user_id=one.user_id, what=WHAT[one.blocked_from]))]
    if one.blocked_from is BlockedFrom.BOOKING:
        theirs = student_sessions.SHOW.id(user_id=one.user_id)
        buttons.append(ui.button("Upcoming sessions", beside(theirs)))
    return [ui.text(words), ui.row(*buttons)]
