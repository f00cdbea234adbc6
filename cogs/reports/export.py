"""`/coaching export`: a file for people, and a complete one for other programs."""

from typing import Literal, get_args

from discord import app_commands

from cogs import routes, ui
from cogs.reports import audit_words, export_columns
from cogs.reports.export_columns import Reader
from cogs.ui import Interaction
from cogs.ui.files import CsvFile
from cogs.ui.routing import Cog, Route, beside, group_command, on
from scheduler.availability import reader_zone
from scheduler.core.errors import NotFound
from scheduler.reports import export
from scheduler.time.abbreviations import show_zone

Table = Literal["sessions", "coaches", "reviews", "audit", "statement", "wishes", "offers", "workshops", "series"]
"""What can be downloaded. Buttons number it, so add new ones last."""
# {table} is an index of TABLES.
TABLE = Route("records:export:{table}")

TABLES: tuple[Table, ...] = get_args(Table)
_LABELS = {
    "audit": "Audit log",
    "statement": "Monthly statement",
    "wishes": "Waiting list",
    "series": "Weekly lessons",
}


class ExportCog(Cog):
    """`/coaching export`."""

    @group_command("coaching", name="export", description="Download data as CSV files for spreadsheets")
    @app_commands.describe(what="What to download")
    async def export_table(self, interaction: Interaction, what: Table) -> None:
        """Send a table as two files."""
        await self._export(interaction, what)

    @on(routes.EXPORT)
    async def export_opened(self, interaction: Interaction) -> None:
        """Ask an admin what to download."""
        await self.guild_for_admin(interaction)
        buttons = [
            ui.button(_LABELS.get(what, what.capitalize()), beside(TABLE.id(table=at)))
            for at, what in enumerate(TABLES)
        ]
        await ui.show(interaction, ui.Panel(ui.text("### What do you want to download?"), *ui.rows(*buttons)))

    @on(TABLE)
    async def table_pressed(self, interaction: Interaction, table: int) -> None:
        """Send the table as two files."""
        if table >= len(TABLES):
            raise NotFound("This button is out of date. Run `/coaching export`.")
        await self._export(interaction, TABLES[table])

    async def _export(self, interaction: Interaction, what: Table) -> None:
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            people = await export.people_in(session, what, guild.id, actor)
            names = await export.coach_names(session, guild.id)
            taught = await export.taught(session, guild.id)
            zone_name = await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone)
        names |= await self.bot.fetch_names(guild.id, people - names.keys())
        reader = Reader(zone_name, names, taught, audit_words.names_in(interaction.guild))
        columns = export_columns.columns_for(what, reader)
        with CsvFile(what) as readable, CsvFile(f"{what}-complete") as complete:
            async with self.bot.db.read() as session:
                if what == export.STATEMENT:
                    now = self.bot.clock()
                    readable.write(await export.readable_statement(session, guild, actor, now, columns))
                    complete.write(await export.complete_statement(session, guild, actor, now))
                else:
                    async for piece in export.readable_csv(session, what, guild.id, actor, columns):
                        readable.write(piece)
                    async for piece in export.complete_csv(session, what, guild.id, actor):
                        complete.write(piece)
        if what == export.STATEMENT:
            await ui.show(interaction, _statement(guild.time_zone, readable.named(), complete.named()))
        else:
            title = _LABELS.get(what, what.capitalize())
            await ui.show(interaction, _panel(title, zone_name, readable.named(), complete.named()))


def _panel(title: str, zone_name: str, readable: tuple[str, bytes], complete: tuple[str, bytes]) -> ui.Panel:
    for_people = (
        f"**{readable[0]}** is for reading, with names, prices and dates. Times in {show_zone(zone_name)}."
    )
    for_programs = f"**{complete[0]}** is for other programs, with everything that's stored. Times in UTC."
    return ui.Panel(
        ui.text(f"### {title}\n{for_people}"),
        ui.attachment(readable[0]),
        ui.text(for_programs),
        ui.attachment(complete[0]),
        ui.text("-# Both contain private notes. Keep them safe."),
        files=[readable, complete],
    )


def _statement(zone_name: str, readable: tuple[str, bytes], complete: tuple[str, bytes]) -> ui.Panel:
    what_counts = (
        "What each coach earned by month, with sessions that took place, that the student missed, and that they "
        f"cancelled late. What was waived isn't in it. Months in {show_zone(zone_name)}, the server's time zone."
    )
    return ui.Panel(
        ui.text(f"### Monthly statement\n{what_counts}\n**{readable[0]}** is for reading."),
        ui.attachment(readable[0]),
        ui.text(f"**{complete[0]}** is for other programs, with amounts in the smallest unit of the currency."),
        ui.attachment(complete[0]),
        files=[readable, complete],
    )
