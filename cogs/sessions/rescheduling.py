"""Moving a booked session to another free time of the same coach."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import discord
from sqlalchemy.ext.asyncio import AsyncSession

from cogs import cards, routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, on, opens
from cogs.ui.time_picker import Links, TimePicker, by_day, instant, minute_of
from models import Coach, CoachingSession, Guild
from scheduler.availability import free_times, reader_zone
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import rescheduling
from scheduler.core.clock import stamp
from scheduler.core.limits import LONGEST_NOTES
from scheduler.parsing.dates import parse_moment
from scheduler.time.time_zones import zone

# {day} is a date's ordinal (0: the first free one), {start} whole minutes since 1970.
PICK_DAY = Route("move:day:{session_id}:{page}")
DAYS = Route("move:days:{session_id}:{day}:{page}")
CONFIRM = Route("move:confirm:{session_id}:{start}")
ANYWAY = Route("move:anyway:{session_id}:{start}:{rules}")
"""{rules}: the rules that the coach was warned of, a bit for each."""
OTHER = Route("move:other:{session_id}")

_REASON, _TIME = "Reason", "Day and time"


class MovingCog(Cog):
    """The presses that move a session; they work in direct messages too."""

    @on(routes.RESCHEDULE)
    async def move_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Show the free times beside the message that the button is on."""
        await ui.acknowledge_beside(interaction)
        await self._pick(interaction, session_id)

    @on(routes.RESCHEDULE_TIMES)
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

    @on(routes.RESCHEDULE_TO)
    async def time_pressed(self, interaction: Interaction, session_id: int, start: int) -> None:
        """Show from when to when it would move."""
        await ui.acknowledge(interaction)
        async with self.bot.db.read() as session:
            found, coach, _ = await self._load(session, interaction, session_id)
            question = await self._question(session, interaction, found, coach, instant(start))
        await ui.show(interaction, question)

    @on(OTHER)
    async def other_time(self, interaction: Interaction, session_id: int) -> None:
        """Show which rules it breaks."""
        await ui.acknowledge(interaction)
        async with self.bot.db.read() as session:
            found, coach, guild = await self._load_own(session, interaction, session_id)
            zone_name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
            typed = ui.typed_in(interaction).get(_TIME, "")
            at = parse_moment(typed, now=self.bot.clock(), zone=zone(zone_name))
            question = await self._question(session, interaction, found, coach, at)
        await ui.show(interaction, question)

    @opens(OTHER)
    async def time_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Asks for any time, even one that students can't book."""
        async with self.bot.db.read() as session:
            _, _, guild = await self._load_own(session, interaction, session_id)
            zone_name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
        about = f"In {zone_name}. You'll see if it breaks your rules before you confirm."
        field = ui.field(_TIME, typed, description=about, placeholder="tue 14:00, 24 Dec 9:30", most=60)
        return ui.Form("Another time", OTHER.id(session_id=session_id), field)

    @on(CONFIRM)
    async def confirmed(self, interaction: Interaction, session_id: int, start: int) -> None:
        """Move it, for the reason in the form."""
        await self._confirm(interaction, session_id, start, 0)

    @on(ANYWAY)
    async def confirmed_anyway(self, interaction: Interaction, session_id: int, start: int, rules: int) -> None:
        """The same, from a coach who was shown which of their rules it breaks."""
        await self._confirm(interaction, session_id, start, rules)

    async def _confirm(self, interaction: Interaction, session_id: int, start: int, rules: int) -> None:
        await ui.acknowledge(interaction)
        reason = ui.typed_in(interaction).get(_REASON, "")
        async with self.bot.db.begin() as session:
            actor = ui.person_of(interaction)
            now = self.bot.clock()
            moved = await rescheduling.reschedule(
                session, session_id, actor, instant(start), reason, now, breaking=_rules_in(rules)
            )
            guild = await session.get_one(Guild, moved.guild_id)
        self.bot.wake()
        card = cards.of_session(moved, guild, title="Session moved ✅", viewer_id=interaction.user.id)
        await ui.show(interaction, ui.Panel(card, ui.text("Both of you are told by direct message.")))

    @opens(CONFIRM)
    async def reason_form(self, interaction: Interaction, typed: Typed, session_id: int, start: int) -> ui.Form:
        """Asks why; a coach has to say."""
        custom_id = CONFIRM.id(session_id=session_id, start=start)
        return await self._reason_form(interaction, typed, session_id, custom_id)

    @opens(ANYWAY)
    async def anyway_form(
        self, interaction: Interaction, typed: Typed, session_id: int, start: int, rules: int
    ) -> ui.Form:
        """The same for a time that breaks the coach's own rules."""
        custom_id = ANYWAY.id(session_id=session_id, start=start, rules=rules)
        return await self._reason_form(interaction, typed, session_id, custom_id)

    async def _reason_form(
        self, interaction: Interaction, typed: Typed, session_id: int, custom_id: str
    ) -> ui.Form:
        async with self.bot.db.read() as session:
            found, _, _ = await self._load(session, interaction, session_id)
        return ui.Form(
            "Move this session",
            custom_id,
            ui.field(
                _REASON,
                typed or ui.stored_fields(interaction.message),
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
        actor = ui.person_of(interaction)
        found = await rescheduling.movable(session, session_id, actor, self.bot.clock())
        coach = await rescheduling.coach_of(session, found)
        return found, coach, await session.get_one(Guild, found.guild_id)

    async def _load_own(
        self, session: AsyncSession, interaction: Interaction, session_id: int
    ) -> tuple[CoachingSession, Coach, Guild]:
        """The same, but only for its coach."""
        found, coach, guild = await self._load(session, interaction, session_id)
        rescheduling.check_coaches(found, ui.person_of(interaction))
        return found, coach, guild

    async def _question(
        self, session: AsyncSession, interaction: Interaction, found: CoachingSession, coach: Coach, at: datetime
    ) -> ui.Panel:
        """Ask for confirmation, and show the coach which of their rules the time breaks."""
        actor = ui.person_of(interaction)
        broken = await rescheduling.rules_broken(session, found, coach, actor, at, self.bot.clock())
        warnings = [rescheduling.in_your_words(one, coach) for one in broken]
        reason = ui.stored_fields(interaction.message).get(_REASON, "")
        return _question(found, at, reason, broken, warnings)

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
            rescheduling.check_notice(found, guild, ui.person_of(interaction), self.bot.clock())
            free = await free_times.free_times(
                session,
                coach,
                found.duration,
                student_id=found.student_id,
                now=self.bot.clock(),
                moving=found.id,
            )
            zone_name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
            days = by_day((at for at in free if at != found.starts_at), zone(zone_name))
        parts: list[discord.ui.Item[Any]] = [ui.text(f"### Move this session\n{_what(found)}")]
        others = []
        if interaction.user.id == found.coach_id:
            others = [ui.button("Another time…", OTHER.id(session_id=session_id))]
        if days:
            picker = TimePicker(days, zone_name, _links(session_id))
            parts.extend(picker.items(picker.shown(day, days_page), times_page, *others))
        else:
            parts.append(ui.text(f"**Nothing else is free** in the next {coach.horizon_days} days."))
            parts.extend([ui.row(*others)] if others else [])
        await ui.show(interaction, ui.Panel(*parts))


def _links(session_id: int) -> Links:
    return Links(
        pick_day=lambda page: PICK_DAY.id(session_id=session_id, page=page),
        turn_days=lambda day, page: DAYS.id(session_id=session_id, day=day, page=page),
        turn_times=lambda day, page: routes.RESCHEDULE_TIMES.id(session_id=session_id, day=day, page=page),
        time=lambda start: routes.RESCHEDULE_TO.id(session_id=session_id, start=start),
    )


def _question(
    found: CoachingSession, at: datetime, reason: str, broken: Sequence[SlotRefusal], warnings: Sequence[str]
) -> ui.Panel:
    ids = {"session_id": found.id, "start": minute_of(at)}
    lines = [f"### Move this session?\n{_what(found)}\n**To** {stamp(at)}\n-# Length and price stay."]
    confirm = ui.button("Move it…", CONFIRM.id(**ids), discord.ButtonStyle.success)
    if broken:
        lines += ["⚠️ **This breaks your own rules**", *(f"- {one}" for one in warnings)]
        confirm = ui.button("Move it anyway…", ANYWAY.id(**ids, rules=_as_bits(broken)))
    return ui.Panel(
        ui.text("\n".join(lines)),
        ui.row(confirm, ui.button("Other time", routes.RESCHEDULE_TIMES.id(session_id=found.id, day=0, page=0))),
        *([ui.store_field(_REASON, reason)] if reason else []),
    )


def _as_bits(rules: Iterable[SlotRefusal]) -> int:
    return sum(1 << rule.value for rule in rules)


def _rules_in(bits: int) -> set[SlotRefusal]:
    return {rule for rule in SlotRefusal if bits >> rule.value & 1}


def _what(found: CoachingSession) -> str:
    people_in_it = f"<@{found.coach_id}> and <@{found.student_id}>"
    return f"**Now** {stamp(found.starts_at)} · {cards.length(found.duration)} · {people_in_it}"
