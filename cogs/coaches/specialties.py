"""`/coaching specialties`: the list of what can be taught here."""

from collections.abc import Iterable, Sequence
from typing import Any

import discord

from cogs import ui
from cogs.ui import Interaction, Typed
from cogs.ui.group_commands import group_command
from cogs.ui.routing import Cog, Route, on, opens, retried
from models import Coach
from scheduler.coaches import specialties
from scheduler.coaches.specialties import LONGEST, MOST, Taught
from scheduler.servers import settings

LIST = Route("specialty:list")
PICK = Route("specialty:pick")
ADD = Route("specialty:add")
RENAME = Route("specialty:rename:{specialty}")
# {count} is how many people the admin has read will lose it.
REMOVE = Route("specialty:remove:{specialty}:{count}")

_NAMES, _NAME = "Names, one a line", "New name"
_MOST_MENTIONS = 20


class SpecialtiesCog(Cog):
    """`/coaching specialties`."""

    @group_command("coaching", name="specialties", description="What can be taught here: add, rename, remove")
    @retried
    async def list_specialties(self, interaction: Interaction) -> None:
        """Show the list, with buttons to change it."""
        await ui.acknowledge(interaction)
        await self._show(interaction)

    @on(LIST)
    async def list_pressed(self, interaction: Interaction) -> None:
        """Back to the list."""
        await ui.acknowledge(interaction)
        await self._show(interaction)

    @on(PICK)
    async def picked(self, interaction: Interaction) -> None:
        """One of the list, with what can be done to it."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, _one(await self._find(interaction, ui.chosen_in(interaction)[0])))

    @on(ADD)
    async def add_pressed(self, interaction: Interaction) -> None:
        """Put the names on the list."""
        await ui.acknowledge(interaction)
        typed = ui.typed_in(interaction).get(_NAMES, "")
        async with self.bot.db.begin() as session:
            guild, now = await settings.ensure(session, *self._here(interaction)), self.bot.clock()
            added = await specialties.add(session, guild, ui.actor_of(interaction, guild), typed, now)
        await self._show(interaction, f"✅ Added {_quoted(added)}.")

    @opens(ADD)
    async def add_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Asks for names."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
        ui.actor_of(interaction, guild).must_be_admin()
        about = f"Up to {LONGEST} characters each. Coaches choose from them."
        field = ui.field(_NAMES, typed, description=about, placeholder="Violin", long=True, most=1000)
        return ui.Form("Add specialties", ADD.id(), field)

    @on(RENAME)
    async def rename_pressed(self, interaction: Interaction, specialty: int) -> None:
        """Give it the new name."""
        await ui.acknowledge(interaction)
        typed = ui.typed_in(interaction).get(_NAME, "")
        async with self.bot.db.begin() as session:
            guild, now = await settings.ensure(session, *self._here(interaction)), self.bot.clock()
            await specialties.rename(session, guild, ui.actor_of(interaction, guild), specialty, typed, now)
        self.bot.wake()
        await self._show(interaction, "✅ Renamed. Who teaches it goes on to.")

    @opens(RENAME)
    async def rename_form(self, interaction: Interaction, typed: Typed, specialty: int) -> ui.Form:
        """Asks for the new name."""
        found = await self._find(interaction, specialty)
        field = ui.field(_NAME, typed or {_NAME: found.name}, most=LONGEST)
        return ui.Form("Rename a specialty", RENAME.id(specialty=specialty), field)

    @on(REMOVE)
    async def remove_pressed(self, interaction: Interaction, specialty: int, count: int) -> None:
        """Take it off the list; ask first if somebody loses it of whom the admin has not read."""
        await ui.acknowledge(interaction)
        async with self.bot.db.begin() as session:
            guild, now = await settings.ensure(session, *self._here(interaction)), self.bot.clock()
            actor = ui.actor_of(interaction, guild)
            losing = await specialties.remove(session, guild, actor, specialty, count, now)
        if losing is not None:
            await ui.show(interaction, _question(losing))
            return
        self.bot.wake()
        await self._show(interaction, "✅ Removed.")

    async def _find(self, interaction: Interaction, specialty_id: int) -> Taught:
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor = ui.actor_of(interaction, guild)
            return await specialties.find(session, guild.id, actor, specialty_id)

    def _here(self, interaction: Interaction) -> tuple[Any, ...]:
        return ui.guild_id_of(interaction), self.bot.defaults, self.bot.clock()

    async def _show(self, interaction: Interaction, said: str | None = None) -> None:
        """Show the list to an admin."""
        async with (
            self.bot.db.begin() as session
        ):  # to write: a server that nobody has used yet has no list before
            guild = await settings.ensure(
                session, ui.guild_id_of(interaction), self.bot.defaults, self.bot.clock()
            )
            found = await specialties.listed(session, guild.id, ui.actor_of(interaction, guild))
        await ui.show(interaction, _panel(found, said))


def _panel(found: Sequence[Taught], said: str | None) -> ui.Panel:
    lines = [f"- {ui.quoted(one.name)}{_count(len(one.coaches))}" for one in found]
    picks = [(one.name, str(one.id), False) for one in found]
    full = len(found) >= MOST
    return ui.Panel(
        ui.text(
            f"### What can be taught here\n{len(found)} of {MOST}. Coaches choose from this list; students filter "
            "by it."
        ),
        ui.text("\n".join(lines)),
        ui.row(ui.select(PICK.id(), picks, placeholder="Rename or remove one")),
        ui.row(ui.button("Add…", ADD.id(), discord.ButtonStyle.primary, disabled=full)),
        *([ui.text(said)] if said else []),
    )


def _one(found: Taught) -> ui.Panel:
    taught = f"Taught by {_mentions(found.coaches)}." if found.coaches else "Nobody teaches it."
    label = "Remove…" if found.coaches else "Remove"
    return ui.Panel(
        ui.text(f"### {ui.quoted(found.name)}\n{taught}"),
        ui.row(
            ui.button("Rename…", RENAME.id(specialty=found.id), discord.ButtonStyle.primary),
            ui.button(label, REMOVE.id(specialty=found.id, count=0), discord.ButtonStyle.danger),
            ui.button("◀ All specialties", LIST.id()),
        ),
    )


def _question(losing: Taught) -> ui.Panel:
    count = len(losing.coaches)
    lines = [
        f"### Remove {ui.quoted(losing.name)}?",
        f"{count} {'person loses' if count == 1 else 'people lose'} it: {_mentions(losing.coaches)}.",
    ]
    if alone := [one for one in losing.coaches if one.user_id in losing.alone]:
        lines.append(
            f"Nothing else is taught by {_mentions(alone)}: students then find them under all specialties only, "
            "until they choose others with `/coach edit`."
        )
    yes = REMOVE.id(specialty=losing.id, count=count)
    return ui.Panel(
        ui.text("\n".join(lines)),
        ui.row(ui.button("Remove it", yes, discord.ButtonStyle.danger), ui.button("Keep it", LIST.id())),
    )


def _mentions(coaches: Sequence[Coach]) -> str:
    shown = ", ".join(f"<@{one.user_id}>" for one in coaches[:_MOST_MENTIONS])
    more = len(coaches) - _MOST_MENTIONS
    return f"{shown} and {more} more" if more > 0 else shown


def _count(coaches: int) -> str:
    return f" · {coaches} {'coach' if coaches == 1 else 'coaches'}" if coaches else ""


def _quoted(names: Iterable[str]) -> str:
    return ui.quoted(", ".join(names), 500)
