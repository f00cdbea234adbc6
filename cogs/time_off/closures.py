"""`/coaching closures`: days on which nothing can be booked, and what becomes of the sessions then."""

import asyncio
from datetime import date
from functools import partial

from cogs import cards, routes, ui
from cogs.cards.cancellation import CancellingCog
from cogs.time_off.times_panel import times_panel
from cogs.time_off.typed_days import EXAMPLES, FROM, TO, read_days
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Route, beside, group_command, on, opens
from cogs.ui.time_picker import instant
from models import CoachingSession, Guild
from scheduler.booking import rescheduling
from scheduler.core.clock import stamp
from scheduler.parsing.dates import write_dates
from scheduler.parsing.fields import Fields
from scheduler.time.abbreviations import show_zone
from scheduler.time_off import closures, moving, public_holidays
from scheduler.time_off.closures import LONGEST_NAME, Closed

ADD = Route("closure:add")
HOLIDAYS = Route("closure:holidays")
LIFT = Route("closure:lift:{closure_id}:{page}")
SESSIONS = Route("closure:sessions:{page}")
KEEP = Route("closure:keep:{session_id}:{page}")
CANCEL = Route("closure:cancel:{session_id}:{page}")
TIMES = Route("closure:times:{session_id}:{page}")
MOVE = Route("closure:move:{session_id}:{start}:{page}")

_NAME = "Name"
_COUNTRY, _SUBDIVISION = "Country", "State or region"
_A_PAGE, _SESSIONS_A_PAGE = 8, 5
_REASON = "The server is closed then."


class ClosuresCog(CancellingCog):
    """`/coaching closures`."""

    @group_command("coaching", name="closures", description="Close days for bookings, such as public holidays")
    async def closures(self, interaction: Interaction) -> None:
        """Show the first page."""
        await self.show_closures(interaction)

    @on(routes.CLOSURES)
    async def show_closures(self, interaction: Interaction, page: int = 0, said: str | None = None) -> None:
        """List the closures that aren't over."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await closures.list_upcoming(session, guild, actor, self.bot.clock())
            undecided = await closures.list_sessions(session, guild, actor, self.bot.clock())
        # In a thread, because it may load a library.
        where = guild.holiday_region and await asyncio.to_thread(
            public_holidays.write_region, guild.holiday_region
        )
        await ui.show(interaction, _panel(guild, found, where, len(undecided), page, said))

    @on(ADD)
    async def days_closed(self, interaction: Interaction) -> None:
        """Close the days in the form."""
        typed = ui.typed_in(interaction)
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            today = closures.today_in(guild, now)
            first, last = read_days(typed, today, lambda one, other: closures.check_days(guild, one, other, now))
            await closures.close(session, guild, actor, first, last, typed.get(_NAME, ""), now)
        await self.show_closures(interaction, said=f"✅ Closed {write_dates(first, last)}.")

    @opens(ADD)
    async def days_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask for days."""
        await self.guild_for_admin(interaction)
        return ui.Form(
            "Close days",
            ADD.id(),
            ui.field(FROM, typed, placeholder=EXAMPLES, most=40),
            ui.field(TO, typed, description="Leave empty for one day.", required=False, most=40),
            ui.field(_NAME, typed, placeholder="Winter break", required=False, most=LONGEST_NAME),
        )

    @on(HOLIDAYS)
    async def holidays_chosen(self, interaction: Interaction) -> None:
        """Close on the public holidays of what's in the form."""
        typed, stored = ui.typed_in(interaction), await self.guild_for_admin(interaction)
        span = closures.holidays_span(stored, self.bot.clock())
        region, days = await asyncio.to_thread(_read_holidays, typed, *span)  # it may load a library
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            await closures.choose_holidays(session, guild, actor, region, days, now)
        self.bot.wake()
        said = "✅ No public holidays are closed any more." if region is None else "✅ Closed on public holidays."
        await self.show_closures(interaction, said=said)

    @opens(HOLIDAYS)
    async def holidays_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask for a country and its subdivision."""
        guild = await self.guild_for_admin(interaction)
        return ui.Form(
            "Public holidays",
            HOLIDAYS.id(),
            ui.field(
                _COUNTRY,
                typed or _holidays_now(guild),
                description="Leave empty for none.",
                placeholder="Germany",
                required=False,
                most=60,
            ),
            ui.field(
                _SUBDIVISION,
                typed or _holidays_now(guild),
                description="Where holidays differ by state or region.",
                placeholder="Bavaria",
                required=False,
                most=60,
            ),
        )

    @on(LIFT)
    async def lift_pressed(self, interaction: Interaction, closure_id: int, page: int) -> None:
        """Open the server again on these days."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            lifted = await closures.lift(session, guild, actor, closure_id, now)
        self.bot.wake()
        await self.show_closures(
            interaction, page, f"✅ {write_dates(lifted.first, lifted.last)} can be booked again."
        )

    @on(SESSIONS)
    async def show_sessions(self, interaction: Interaction, page: int = 0, said: str | None = None) -> None:
        """List the sessions on closed days that nobody has decided about, or the closures if there are none."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await closures.list_sessions(session, guild, actor, self.bot.clock())
        if found:
            await ui.show(interaction, _sessions_panel(found, page, said))
        else:
            await self.show_closures(interaction, said=said or "✅ There's nothing to decide.")

    @on(KEEP)
    async def keep_pressed(self, interaction: Interaction, session_id: int, page: int) -> None:
        """Keep a session although the server is closed."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            await closures.keep(session, session_id, guild, actor, now)
        await self.show_sessions(interaction, page, "✅ The session stays booked.")

    @on(CANCEL)
    async def cancel_pressed(self, interaction: Interaction, session_id: int, page: int) -> None:
        """Cancel a session, and show what's left."""
        await self.guild_for_admin(interaction)
        done = await self.cancel(interaction, session_id)
        said = f"✅ Session cancelled: {stamp(done.session.starts_at)}. {done.then(interaction.user.id)}"
        await self.show_sessions(interaction, page, said)

    @opens(CANCEL)
    async def reason_form(self, interaction: Interaction, typed: Typed, session_id: int, page: int) -> ui.Form:
        """Ask why."""
        await self.guild_for_admin(interaction)
        return await self.cancel_form(
            interaction, typed or {"Reason": _REASON}, session_id, CANCEL.id(session_id=session_id, page=page)
        )

    @on(TIMES)
    async def times_pressed(self, interaction: Interaction, session_id: int, page: int) -> None:
        """Show the next free times."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            actor.must_be_admin()
            now = self.bot.clock()
            found = await rescheduling.find_reschedulable(session, session_id, actor, now, guild_id=guild.id)
            times = await moving.next_times(session, found, actor, now)
        to = partial(MOVE.id, session_id=found.id, page=page)
        others = "You can keep the session or cancel it."
        await ui.show(interaction, times_panel(found, times, to, SESSIONS.id(page=page), others))

    @on(MOVE)
    async def move_pressed(self, interaction: Interaction, session_id: int, start: int, page: int) -> None:
        """Reschedule to that time."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            at = instant(start)
            await rescheduling.reschedule(session, session_id, actor, at, _REASON, now, guild_id=guild.id)
        self.bot.wake()
        await self.show_sessions(interaction, page, f"✅ Rescheduled to {stamp(at)}. We've messaged both.")


def _read_holidays(typed: Typed, first: date, last: date) -> tuple[str | None, dict[date, str]]:
    """Read a region, and return its public holidays. Loads a library."""
    if not typed.get(_COUNTRY, "").strip():
        return None, {}
    with Fields() as fields:
        label = _SUBDIVISION if typed.get(_SUBDIVISION, "").strip() else _COUNTRY
        region = fields.read(label, public_holidays.parse_region, typed[_COUNTRY], typed.get(_SUBDIVISION, ""))
    return region.code, dict(public_holidays.days_of(region.code, first, last))


def _holidays_now(guild: Guild) -> dict[str, str]:
    if guild.holiday_region is None:
        return {}
    region = public_holidays.read_code(guild.holiday_region)
    country = public_holidays.write_region(region.country)
    return {_COUNTRY: country, _SUBDIVISION: region.subdivision or ""}


def _panel(
    guild: Guild, found: list[Closed], where: str | None, undecided: int, page: int, said: str | None
) -> ui.Panel:
    shown, pager = ui.paged(found, page, _A_PAGE, routes.CLOSURES.id)
    head = (
        f"### Closures\nNothing can be booked on these days. Booked sessions stay until you decide. Days begin at "
        f"midnight in **{show_zone(guild.time_zone)}**.\nPublic holidays: {ui.quoted(where or 'not set')}"
    )
    parts: list[ui.Item] = [ui.text(head)]
    for one in shown:
        closure, lift = one.closure, LIFT.id(closure_id=one.closure.id, page=page)
        booked = f" · {_count(one.undecided)} to decide about" if one.undecided else ""
        words = f"**{write_dates(closure.first, closure.last)}**\n{ui.quoted(closure.name)}{booked}"
        parts.append(ui.Section(words, accessory=ui.button("Remove", lift)))
    if not found:
        parts.append(ui.text("No days are closed. Close some, or choose the public holidays of a country."))
    decide = ui.button(f"Decide about {_count(undecided)}", SESSIONS.id(page=0), ui.PRIMARY)
    close = ui.button("Close days…", ADD.id(), ui.SECONDARY if undecided else ui.PRIMARY)
    buttons = [*([decide] if undecided else []), close, ui.button("Public holidays…", HOLIDAYS.id())]
    return ui.Panel(*parts, *pager, ui.row(*buttons), said=said)


def _sessions_panel(found: list[CoachingSession], page: int, said: str | None) -> ui.Panel:
    shown, pager = ui.paged(found, page, _SESSIONS_A_PAGE, SESSIONS.id)
    parts: list[ui.Item] = [ui.text("### Sessions on closed days\nThey stay booked until you decide.")]
    for one in shown:
        numbers = {"session_id": one.id, "page": page}
        keep = ui.button("Keep", KEEP.id(**numbers))
        parts.append(ui.text(f"{stamp(one.starts_at)} · {cards.length(one.duration)} · {cards.people(one)}"))
        if one.is_workshop:
            parts.append(ui.row(keep, ui.button("Workshop", beside(routes.WORKSHOP.id(session_id=one.id)))))
        else:
            times, cancel = (
                ui.button("Reschedule…", TIMES.id(**numbers)),
                ui.button("Cancel…", CANCEL.id(**numbers)),
            )
            parts.append(ui.row(times, keep, cancel))
    back = ui.row(ui.button("◀ Back", routes.CLOSURES.id(page=0)))
    return ui.Panel(*parts, *pager, back, said=said)


def _count(sessions: int) -> str:
    return f"{sessions} session{'' if sessions == 1 else 's'}"
