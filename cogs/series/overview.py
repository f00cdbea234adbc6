"""`/series`: someone's weekly lessons, one series, and what can be done with a single lesson."""

from typing import NamedTuple

from discord import app_commands

from cogs import routes, ui
from cogs.cards.cancellation import CancellingCog
from cogs.series import panels
from cogs.ui import Interaction, Typed
from cogs.ui.answering import answers_command
from cogs.ui.routing import on, opens
from scheduler.core.actor import Actor
from scheduler.core.errors import TooLate
from scheduler.series import lookup
from scheduler.series.changes import listing, one_lesson
from scheduler.series.changes.listing import Shown, ShownLesson


class Seen(NamedTuple):
    """One upcoming lesson of a series, as whoever pressed sees it."""

    actor: Actor
    shown: Shown
    lesson: ShownLesson


class SeriesScreens(CancellingCog):
    """What the screens of weekly lessons share."""

    async def read(self, interaction: Interaction, series_id: int) -> tuple[Actor, Shown]:
        """Return who pressed, and the series as they see it. Raises NotFound if it doesn't concern them."""
        async with self.bot.db.read() as session:
            actor = await self.actor_anywhere(session, interaction)
            return actor, await listing.show(session, series_id, actor, interaction.guild_id, self.bot.clock())

    async def read_lesson(self, interaction: Interaction, series_id: int, occurrence: int) -> Seen:
        """Return one upcoming lesson. Raises TooLate if it isn't upcoming."""
        actor, shown = await self.read(interaction, series_id)
        if (one := shown.find(occurrence)) is None:
            raise TooLate("This lesson has begun, or is over. `/series` lists the next ones.")
        return Seen(actor, shown, one)

    async def show_one(self, interaction: Interaction, series_id: int, said: str | None = None) -> None:
        """Show a series in place of the message, after something was done with it."""
        _, shown = await self.read(interaction, series_id)
        cycle = ui.hour_cycle_of(interaction)
        await ui.show(interaction, panels.series_panel(shown, interaction.user.id, 0, cycle, said))


class SeriesCog(SeriesScreens):
    """`/series`."""

    @app_commands.command(name="series", description="Your weekly lessons, as student and as coach")
    @app_commands.allowed_contexts(guilds=True, dms=True)
    @answers_command
    async def series(self, interaction: Interaction) -> None:
        """List them."""
        await self.show_list(interaction)

    @on(routes.SERIES_LIST)
    async def show_list(self, interaction: Interaction) -> None:
        """List this person's weekly lessons."""
        guilds = await self.servers_of(interaction)
        async with self.bot.db.read() as session:
            ids = [one.id for one in guilds]
            found = await listing.list_running(session, ids, interaction.user.id, self.bot.clock())
        servers = {} if interaction.guild_id else {one.id: self.bot.server_name(one.id) for one in guilds}
        await ui.show(
            interaction, panels.list_panel(found, interaction.user.id, servers, ui.hour_cycle_of(interaction))
        )

    @on(routes.SERIES)
    async def show_series(self, interaction: Interaction, series_id: int, page: int) -> None:
        """Show a page of the upcoming lessons of a series."""
        _, shown = await self.read(interaction, series_id)
        panel = panels.series_panel(shown, interaction.user.id, page, ui.hour_cycle_of(interaction))
        await ui.show(interaction, panel)

    @on(panels.LESSON)
    async def show_lesson(self, interaction: Interaction, series_id: int, occurrence: int) -> None:
        """Show what can be done with one lesson."""
        seen = await self.read_lesson(interaction, series_id, occurrence)
        await ui.show(interaction, panels.lesson_panel(seen.shown, seen.lesson, interaction.user.id))

    @on(panels.SKIP)
    async def skip_pressed(self, interaction: Interaction, series_id: int, occurrence: int) -> None:
        """Skip one lesson for the reason in the form."""
        seen = await self.read_lesson(interaction, series_id, occurrence)
        done = await self.cancel(interaction, _session_id(seen))
        day = panels.day_of(done.session.starts_at, seen.shown.zone_name)
        said = f"✅ Only {day} is skipped. {done.then(interaction.user.id)}"
        await self.show_one(interaction, series_id, said)

    @opens(panels.SKIP)
    async def skip_form(self, interaction: Interaction, typed: Typed, series_id: int, occurrence: int) -> ui.Form:
        """Ask why, and say what it costs."""
        seen = await self.read_lesson(interaction, series_id, occurrence)
        custom_id = panels.SKIP.id(series_id=series_id, occurrence=occurrence)
        form = await self.cancel_form(interaction, typed, _session_id(seen), custom_id)
        at = seen.lesson.starts_at
        form.title = f"Skip only {panels.day_of(at, seen.shown.zone_name)}" if at is not None else form.title
        return form

    @on(panels.BRING_BACK)
    async def bring_back_pressed(self, interaction: Interaction, series_id: int, occurrence: int) -> None:
        """Let a skipped lesson take place after all."""
        async with self.bot.db.begin() as session:
            actor, now = await self.actor_anywhere(session, interaction), self.bot.clock()
            lesson = await one_lesson.bring_back(session, series_id, occurrence, actor, interaction.guild_id, now)
            row = await lookup.session_of(session, lesson)
        self.bot.wake()
        _, shown = await self.read(interaction, series_id)
        day = panels.day_of(row.starts_at, shown.zone_name) if row is not None else "This lesson"
        await self.show_one(interaction, series_id, f"✅ {day} takes place again. We've messaged you both.")


def _session_id(seen: Seen) -> int:
    """Return the id of the lesson's session. Raises TooLate if it has none."""
    if seen.lesson.session is None or not seen.lesson.takes_place:
        raise TooLate("This lesson doesn't take place anyway. `/series` shows why.")
    return seen.lesson.session.id
