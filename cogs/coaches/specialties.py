"""`/coaching specialties`: what can be taught in the server."""

from collections.abc import Sequence

from cogs import routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, group_command, on, opens
from models import Coach
from scheduler.coaches import specialties
from scheduler.coaches.specialties import LONGEST, MOST, TaughtSpecialty
from scheduler.parsing.lists import all_of

PICK = Route("specialty:pick")
ADD = Route("specialty:add")
RENAME = Route("specialty:rename:{specialty}")
# {count} is how many coaches the admin was told will lose it.
REMOVE = Route("specialty:remove:{specialty}:{count}")

_NAMES, _NAME = "Names, one per line", "New name"
_MOST_MENTIONS = 20


class SpecialtiesCog(Cog):
    """`/coaching specialties`."""

    @on(routes.SPECIALTIES)
    @group_command("coaching", name="specialties", description="Add, rename and remove what can be taught here")
    async def list_specialties(self, interaction: Interaction) -> None:
        """Show the list, with buttons to change it."""
        await self._show(interaction)

    @on(PICK)
    async def picked(self, interaction: Interaction) -> None:
        """Show one specialty, with buttons to rename and remove it."""
        await ui.show(interaction, _one(await self._find(interaction, ui.chosen_in(interaction)[0])))

    @on(ADD)
    async def add_pressed(self, interaction: Interaction) -> None:
        """Add the names to the list."""
        typed = ui.typed_in(interaction).get(_NAMES, "")
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            added = await specialties.add(session, guild, actor, typed, now)
        names = ui.quoted(all_of(added), 500)
        await self._show(interaction, f"✅ Added {names}.")

    @opens(ADD)
    async def add_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask for names."""
        await self.guild_for_admin(interaction)
        about = f"Up to {LONGEST} characters each. Coaches choose from them."
        field = ui.field(_NAMES, typed, description=about, placeholder="Violin", long=True, most=1000)
        return ui.Form("Add specialties", ADD.id(), field)

    @on(RENAME)
    async def rename_pressed(self, interaction: Interaction, specialty: int) -> None:
        """Rename a specialty."""
        typed = ui.typed_in(interaction).get(_NAME, "")
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            await specialties.rename(session, guild, actor, specialty, typed, now)
        self.bot.wake()
        await self._show(interaction, "✅ Renamed. Coaches who teach it keep it.")

    @opens(RENAME)
    async def rename_form(self, interaction: Interaction, typed: Typed, specialty: int) -> ui.Form:
        """Ask for the new name."""
        found = await self._find(interaction, specialty)
        field = ui.field(_NAME, typed or {_NAME: found.name}, most=LONGEST)
        return ui.Form("Rename a specialty", RENAME.id(specialty=specialty), field)

    @on(REMOVE)
    async def remove_pressed(self, interaction: Interaction, specialty: int, count: int) -> None:
        """Remove a specialty. Ask first if more coaches lose it than the admin was told."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            losing = await specialties.remove(session, guild, actor, specialty, count, now)
        if losing is not None:
            await ui.show(interaction, _question(losing))
            return
        self.bot.wake()
        await self._show(interaction, "✅ Removed.")

    async def _find(self, interaction: Interaction, specialty_id: int) -> TaughtSpecialty:
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            return await specialties.find(session, guild.id, actor, specialty_id)

    async def _show(self, interaction: Interaction, said: str | None = None) -> None:
        """Show the list to an admin."""
        async with self.bot.db.begin() as session:  # not `read`: a server's first command creates its list
            guild, actor, _ = await self.guild_to_change(session, interaction)
            found = await specialties.list_all(session, guild.id, actor)
        await ui.show(interaction, _panel(found, said))


def _panel(found: Sequence[TaughtSpecialty], said: str | None) -> ui.Panel:
    lines = [f"- {ui.quoted(one.name)}{_count(len(one.coaches))}" for one in found]
    picks = [(one.name, str(one.id), False) for one in found]
    add = ui.button("Add…", ADD.id(), ui.PRIMARY, disabled=len(found) >= MOST)
    about = f"{len(found)} of {MOST}. Coaches choose from this list; students filter by it."
    return ui.Panel(
        ui.text(f"### Specialties\n{about}"),
        ui.text("\n".join(lines)),
        ui.row(ui.select(PICK.id(), picks, placeholder="Rename or remove one")),
        ui.row(add),
        said=said,
    )


def _one(found: TaughtSpecialty) -> ui.Panel:
    taught = f"Taught by {_mentions(found.coaches)}." if found.coaches else "Nobody teaches this."
    label = "Remove…" if found.coaches else "Remove"
    return ui.Panel(
        ui.text(f"### {ui.quoted(found.name)}\n{taught}"),
        ui.row(
            ui.button("Rename…", RENAME.id(specialty=found.id), ui.PRIMARY),
            ui.button(label, REMOVE.id(specialty=found.id, count=0)),
            ui.button("◀ All specialties", routes.SPECIALTIES.id()),
        ),
    )


def _question(losing: TaughtSpecialty) -> ui.Panel:
    count = len(losing.coaches)
    lines = [
        f"### Remove {ui.quoted(losing.name)}?",
        f"{count} {'person loses' if count == 1 else 'people lose'} it: {_mentions(losing.coaches)}.",
    ]
    if alone := [one for one in losing.coaches if one.user_id in losing.alone]:
        lines.append(
            f"This leaves {_mentions(alone)} without a specialty. Until they choose another with `/coach edit`, "
            "students only find them under **All specialties**."
        )
    yes = REMOVE.id(specialty=losing.id, count=count)
    return ui.Panel(
        ui.text("\n".join(lines)),
        ui.row(ui.button("Remove it", yes, ui.DANGER), ui.button("Keep it", routes.SPECIALTIES.id())),
    )


def _mentions(coaches: Sequence[Coach]) -> str:
    return all_of((f"<@{one.user_id}>" for one in coaches), most=_MOST_MENTIONS)


def _count(coaches: int) -> str:
    return f" · {coaches} {'coach' if coaches == 1 else 'coaches'}" if coaches else ""
