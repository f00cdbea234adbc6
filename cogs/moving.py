"""Moving a booked session to another free time of the same coach."""

from typing import Any

import discord
from sqlalchemy.ext.asyncio import AsyncSession

from cogs import cards, ui
from cogs.booking.times import Links, TimePicker, by_day, instant
from cogs.booking.views import MOVE_AGAIN, MOVE_TIME
from cogs.routing import Cog, on, opens
from cogs.ui import Interaction, Typed
from models import Coach, CoachingSession, Guild
from scheduler import availability, people, rescheduling
from scheduler.clock import stamp
from scheduler.requests import LONGEST_NOTES
from scheduler.zones import zone

# {day} is a date's ordinal (0: the first free one), {start} whole minutes since 1970.
PICK_DAY = "move:day:{session_id}:{page}"
DAYS = "move:days:{session_id}:{day}:{page}"
CONFIRM = "move:confirm:{session_id}:{start}"

_REASON = "Reason"


class MovingCog(Cog):
    """The presses that move a session; they work in direct messages too."""

    @on(cards.MOVE)
    async def move_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Show the free times beside the message that the button is on."""
        await ui.acknowledge_beside(interaction)
        await self._pick(interaction, session_id)

    @on(MOVE_AGAIN)
    async def shown(self, interaction: Interaction, session_id: int, day: int, page: int) -> None:
        """A page of times of one day."""
        await ui.acknowledge(interaction)
        await self._pick(interaction, session_id, day, times_page=page)

    @on(PICK_DAY)
    async def day_picked(self, interaction: Interaction, session_id: int, page: int) -> None:
        """Another day."""
        await ui.acknowledge(interaction)
        await self._pick(interaction, session_id, ui.chosen_in(interaction)[0], days_page=page)

    @on(DAYS)
    async def days_turned(self, interaction: Interaction, session_id: int, day: int, page: int) -> None:
        """Another page of days."""
        await ui.acknowledge(interaction)
        await self._pick(interaction, session_id, day, days_page=page)

    @on(MOVE_TIME)
    async def time_pressed(self, interaction: Interaction, session_id: int, start: int) -> None:
        """Show from when to when it would move."""
        await ui.acknowledge(interaction)
        async with self.bot.db.read() as session:
            found, coach, _ = await self._load(session, interaction, session_id)
            actor = ui.actor_of(interaction, None)
            await rescheduling.check_new_time(session, found, coach, actor, instant(start), self.bot.clock())
        await ui.show(interaction, _question(found, start, ui.kept(interaction.message).get(_REASON, "")))

    @on(CONFIRM)
    async def confirmed(self, interaction: Interaction, session_id: int, start: int) -> None:
        """From the button: ask for the reason. From the form: move it."""
        if interaction.type is not discord.InteractionType.modal_submit:
            await interaction.response.send_modal(
                await self.reason_form(interaction, ui.kept(interaction.message), session_id, start)
            )
            return
        await ui.acknowledge(interaction)
        reason = ui.typed_in(interaction).get(_REASON, "")
        async with self.bot.db.begin() as session:
            actor = ui.actor_of(interaction, None)
            now = self.bot.clock()
            moved = await rescheduling.reschedule(session, session_id, actor, instant(start), reason, now)
            guild = await session.get_one(Guild, moved.guild_id)
        self.bot.wake()
        card = cards.session(moved, guild, title="Session moved ✅", viewer_id=interaction.user.id)
        await ui.show(interaction, ui.Panel(card, ui.text("Both of you are told by direct message.")))

    @opens(CONFIRM)
    async def reason_form(self, interaction: Interaction, typed: Typed, session_id: int, start: int) -> ui.Form:
        """Asks why; a coach has to say."""
        async with self.bot.db.read() as session:
            found, _, _ = await self._load(session, interaction, session_id)
        return ui.Form(
            "Move this session",
            CONFIRM.format(session_id=session_id, start=start),
            ui.field(
                _REASON,
                typed,
                description="The other side reads this.",
                long=True,
                required=interaction.user.id == found.coach_id,
                most=LONGEST_NOTES,
            ),
        )

    async def _load(
        self, session: AsyncSession, interaction: Interaction, session_id: int
    ) -> tuple[CoachingSession, Coach, Guild]:
        """The session if this person may move it; in a direct message its server comes from its row."""
        actor = ui.actor_of(interaction, None)
        found = await rescheduling.movable(session, session_id, actor, self.bot.clock())
        coach = await rescheduling.coach_of(session, found)
        return found, coach, await session.get_one(Guild, found.guild_id)

    async def _pick(
        self,
        interaction: Interaction,
        session_id: int,
        day: int = 0,
        *,
        days_page: int | None = None,
        times_page: int = 0,
    ) -> None:
        async with self.bot.db.read() as session:
            found, coach, guild = await self._load(session, interaction, session_id)
            rescheduling.check_notice(found, guild, ui.actor_of(interaction, None), self.bot.clock())
            free = await availability.free_times(
                session,
                coach,
                found.duration,
                student_id=found.student_id,
                now=self.bot.clock(),
                moving=found.id,
            )
            zone_name = await people.zone_name_of(session, interaction.user.id, guild.time_zone)
            days = by_day((at for at in free if at != found.starts_at), zone(zone_name))
        parts: list[discord.ui.Item[Any]] = [ui.text(f"### Move this session\n{_what(found)}")]
        if days:
            picker = TimePicker(days, zone_name, _links(session_id))
            parts.extend(picker.items(picker.shown(day, days_page), times_page))
        else:
            parts.append(ui.text(f"**Nothing else is free** in the next {coach.horizon_days} days."))
        await ui.show(interaction, ui.Panel(*parts))


def _links(session_id: int) -> Links:
    return Links(
        pick_day=lambda page: PICK_DAY.format(session_id=session_id, page=page),
        turn_days=lambda day, page: DAYS.format(session_id=session_id, day=day, page=page),
        turn_times=lambda day, page: MOVE_AGAIN.format(session_id=session_id, day=day, page=page),
        time=lambda start: MOVE_TIME.format(session_id=session_id, start=start),
    )


def _question(found: CoachingSession, start: int, reason: str) -> ui.Panel:
    ids = {"session_id": found.id, "start": start}
    return ui.Panel(
        ui.text(
            f"### Move this session?\n{_what(found)}\n**To** {stamp(instant(start))}\n-# Length and price stay."
        ),
        ui.row(
            ui.button("Move it…", CONFIRM.format(**ids), discord.ButtonStyle.success),
            ui.button("Other time", MOVE_AGAIN.format(session_id=found.id, day=0, page=0)),
        ),
        *([ui.keep(_REASON, reason)] if reason else []),
    )


def _what(found: CoachingSession) -> str:
    people_in_it = f"<@{found.coach_id}> and <@{found.student_id}>"
    return f"**Now** {stamp(found.starts_at)} · {cards.length(found.duration)} · {people_in_it}"
