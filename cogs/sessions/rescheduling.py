"""Rescheduling a session to another free time of the same coach."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cogs import cards, routes, ui
from cogs.cards.cancellation import others_stay
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
from scheduler.sessions import lessons
from scheduler.time.abbreviations import show_zone
from scheduler.time.time_zones import zone

# {day} is a date's ordinal (0: the first free one), {start} whole minutes since 1970.
PICK_DAY = Route("move:day:{session_id}:{page}")
DAYS = Route("move:days:{session_id}:{day}:{page}")
CONFIRM = Route("move:confirm:{session_id}:{start}")
ANYWAY = Route("move:anyway:{session_id}:{start}:{rules}")
"""{rules}: the rules that the coach was warned of, a bit for each."""
OTHER = Route("move:other:{session_id}")

_REASON, _TIME = "Reason", "Day and time"


class ReschedulingCog(Cog):
    """The buttons that reschedule a session. They work in direct messages too."""

    @on(PICK_DAY)
    async def pick_day(self, interaction: Interaction, session_id: int, page: int) -> None:
        """Show another day."""
        await self.show_times(interaction, session_id, ui.chosen_in(interaction)[0], days_page=page)

    @on(DAYS)
    async def turn_days(self, interaction: Interaction, session_id: int, day: int, page: int) -> None:
        """Show another page of days."""
        await self.show_times(interaction, session_id, day, days_page=page)

    @on(routes.RESCHEDULE_TO)
    async def pick_time(self, interaction: Interaction, session_id: int, start: int) -> None:
        """Show the old and the new time, and ask."""
        async with self.bot.db.read() as session:
            found, coach, _ = await self._load(session, interaction, session_id)
            question = await self._question(session, interaction, found, coach, instant(start))
        await ui.show(interaction, question)

    @on(OTHER)
    async def ask_about_time(self, interaction: Interaction, session_id: int) -> None:
        """Show which rules the typed time breaks, and ask."""
        async with self.bot.db.read() as session:
            found, coach, zone_name = await self._load_own(session, interaction, session_id)
            typed = ui.typed_in(interaction).get(_TIME, "")
            at = parse_moment(typed, now=self.bot.clock(), zone=zone(zone_name))
            question = await self._question(session, interaction, found, coach, at)
        await ui.show(interaction, question)

    @opens(OTHER)
    async def time_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Ask for any time, even one that students can't book."""
        async with self.bot.db.read() as session:
            _, _, zone_name = await self._load_own(session, interaction, session_id)
        about = f"In {show_zone(zone_name)}. You'll see if it breaks your rules before you confirm."
        field = ui.field(_TIME, typed, description=about, placeholder="tue 14:00, 24 Dec 9:30", most=60)
        return ui.Form("Another time", OTHER.id(session_id=session_id), field)

    @on(CONFIRM)
    @on(ANYWAY)
    async def confirm(self, interaction: Interaction, session_id: int, start: int, rules: int = 0) -> None:
        """Reschedule for the reason in the form, for a coach even against `rules` of their own."""
        reason, actor = ui.typed_in(interaction).get(_REASON, ""), ui.person_of(interaction)
        breaking = {rule for rule in SlotRefusal if rules >> rule.value & 1}
        async with self.bot.db.begin() as session:
            rescheduled = await rescheduling.reschedule(
                session, session_id, actor, instant(start), reason, self.bot.clock(), breaking=breaking
            )
            guild = await session.get_one(Guild, rescheduled.guild_id)
            lesson = (await lessons.lessons_among(session, [rescheduled])).get(session_id)
        self.bot.wake()
        in_server = interaction.guild_id is not None
        title = "Session rescheduled ✅"
        card = cards.of_session(
            rescheduled, guild, title=title, viewer_id=interaction.user.id, in_server=in_server
        )
        await ui.show(
            interaction,
            ui.Panel(
                card,
                ui.text(" ".join(["We've messaged you both.", *others_stay(lesson)])),
                *cards.way_back(interaction, rescheduled),
            ),
        )

    @opens(CONFIRM)
    @opens(ANYWAY)
    async def reason_form(
        self, interaction: Interaction, typed: Typed, session_id: int, start: int, rules: int = 0
    ) -> ui.Form:
        """Ask why. Coaches have to say."""
        async with self.bot.db.read() as session:
            found, _, _ = await self._load(session, interaction, session_id)
        is_coach = interaction.user.id == found.coach_id
        field = ui.field(
            _REASON,
            typed or ui.stored_fields(interaction.message),
            description=f"Your {'student' if is_coach else 'coach'} will see this.",
            long=True,
            required=is_coach,
            most=LONGEST_NOTES,
        )
        return ui.Form("Reschedule this session", _confirm_id(session_id, start, rules), field)

    async def _load(
        self, session: AsyncSession, interaction: Interaction, session_id: int
    ) -> tuple[CoachingSession, Coach, Guild]:
        """Return a session that this person may reschedule, with coach and server, even in a direct message."""
        actor = ui.person_of(interaction)
        found = await rescheduling.find_reschedulable(session, session_id, actor, self.bot.clock())
        coach = await rescheduling.find_coach(session, found, actor)
        return found, coach, await session.get_one(Guild, found.guild_id)

    async def _load_own(
        self, session: AsyncSession, interaction: Interaction, session_id: int
    ) -> tuple[CoachingSession, Coach, str]:
        """Return a session that this person coaches, with its coach and their time zone."""
        found, coach, guild = await self._load(session, interaction, session_id)
        rescheduling.require_coach(found, ui.person_of(interaction))
        return found, coach, await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)

    async def _question(
        self, session: AsyncSession, interaction: Interaction, found: CoachingSession, coach: Coach, at: datetime
    ) -> ui.Panel:
        """Ask for confirmation, and show the coach which of their rules the time breaks."""
        actor = ui.person_of(interaction)
        broken = await rescheduling.find_broken_rules(session, found, coach, actor, at, self.bot.clock())
        lines = [
            f"**Reschedule this session?**\n{cards.when(at)}\n{_now(found)}",
            "-# Length and price stay the same.",
        ]
        rules = sum(1 << rule.value for rule in broken)
        custom_id = _confirm_id(found.id, minute_of(at), rules)
        confirm = ui.button("Reschedule…", custom_id, ui.SUCCESS)
        if broken:
            warnings = (f"- {rescheduling.describe_rule(one, coach)}" for one in broken)
            lines += ["⚠️ **This breaks your own rules**", *warnings]
            confirm = ui.button("Reschedule anyway…", custom_id)
        other = routes.RESCHEDULE_TIMES.id(session_id=found.id, day=0, page=0)
        reason = ui.stored_fields(interaction.message).get(_REASON, "")
        return ui.Panel(
            ui.text("\n".join(lines)),
            ui.row(confirm, ui.button("Other time", other)),
            *([ui.store_field(_REASON, reason)] if reason else []),
        )

    @on(routes.RESCHEDULE, ui.acknowledge_beside)
    @on(routes.RESCHEDULE_TIMES)
    async def show_times(
        self,
        interaction: Interaction,
        session_id: int,
        day: int = 0,
        page: int = 0,
        *,
        days_page: int | None = None,
    ) -> None:
        """Show a page of the free times of one day. 0 means the first free day."""
        now = self.bot.clock()
        async with self.bot.db.read() as session:
            found, coach, guild = await self._load(session, interaction, session_id)
            rescheduling.check_notice(found, guild, ui.person_of(interaction), now)
            free = await free_times.free_times(
                session, coach, found.duration, student_id=found.student_id, now=now, rescheduling_id=found.id
            )
            zone_name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
            days = by_day((at for at in free if at != found.starts_at), zone(zone_name))
        parts: list[ui.Item] = [ui.text(f"### Reschedule this session\n{_now(found)}")]
        others = []
        if interaction.user.id == found.coach_id:
            others = [ui.button("Another time…", OTHER.id(session_id=session_id))]
        if days:
            links = Links(
                {"session_id": session_id}, PICK_DAY, DAYS, routes.RESCHEDULE_TIMES, routes.RESCHEDULE_TO
            )
            picker = TimePicker(days, zone_name, ui.hour_cycle_of(interaction), links)
            parts.extend(picker.items(picker.shown(day, days_page), page, *others))
        else:
            parts.append(ui.text(f"**Nothing else is free** in the next {coach.horizon_days} days."))
            parts += ui.rows(*others)
        await ui.show(interaction, ui.Panel(*parts))


def _confirm_id(session_id: int, start: int, rules: int) -> str:
    ids = {"session_id": session_id, "start": start}
    return ANYWAY.id(**ids, rules=rules) if rules else CONFIRM.id(**ids)


def _now(found: CoachingSession) -> str:
    people = f"<@{found.coach_id}> with <@{found.student_id}>"
    return f"**Now** {stamp(found.starts_at)} · {cards.length(found.duration)} · {people}"
