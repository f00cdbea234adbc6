"""`/coaching set`: change one setting by its label."""

from discord import app_commands
from discord.app_commands import Choice

from cogs import ui
from cogs.setup import forms
from cogs.setup.panel import SHOW
from cogs.ui import Interaction
from cogs.ui.options import Choices, ZoneTransformer
from cogs.ui.routing import Cog, Route, group_command, on
from cogs.ui.zones import resolve_zone
from models import Guild
from scheduler.core.errors import Unreadable
from scheduler.servers import declarations, settings
from scheduler.servers.declarations import SETTINGS, Setting
from scheduler.servers.setting_kinds import Value, Zone

ZONE_PICKED = Route("setup:zone:{setting}")

_MOST_CHOICES, _LONGEST_CHOICE = 25, 100
_EXCERPT = 200
_NOTHING = "none"


async def complete_setting(_interaction: Interaction, typed: str) -> Choices:
    """Suggest settings by their labels."""
    found = [one.label for one in SETTINGS if typed.strip().casefold() in one.label.casefold()]
    return [Choice(name=label, value=label) for label in found[:_MOST_CHOICES]]


async def complete_value(interaction: Interaction, typed: str) -> Choices:
    """Suggest values of the chosen setting, for admins: the typed one, the current one and usual ones."""
    bot = interaction.client
    async with bot.db.read() as session:
        guild = await settings.look_up(session, ui.guild_id_of(interaction), bot.defaults)
    if not ui.actor_of(interaction, guild).is_admin:
        return []
    try:
        setting = declarations.find(str(getattr(interaction.namespace, "setting", None) or ""))
    except Unreadable:
        return []
    if isinstance(setting.kind, Zone) and typed.strip():
        return await ZoneTransformer().autocomplete(interaction, typed)
    return _choices(guild, setting, typed)


class OneSettingCog(Cog):
    """`/coaching set`."""

    @group_command("coaching", name="set", description="Change one setting")
    @app_commands.describe(setting="Which setting", value="What to set it to")
    @app_commands.autocomplete(setting=complete_setting, value=complete_value)
    async def set(self, interaction: Interaction, setting: str, value: str) -> None:
        """Set it and show what changed."""
        await self.guild_for_admin(interaction)
        await self._set(interaction, declarations.find(setting), value)

    @on(ZONE_PICKED)
    async def zone_picked(self, interaction: Interaction, setting: int) -> None:
        """Set the zone picked from those that the typed one could mean."""
        await self.guild_for_admin(interaction)
        wanted = SETTINGS[min(setting, len(SETTINGS) - 1)]
        await self._set(interaction, wanted, ui.typed_in(interaction).get(wanted.label, ""))

    async def _set(self, interaction: Interaction, wanted: Setting, value: str) -> None:
        if isinstance(wanted.kind, Zone):
            answer = ZONE_PICKED.id(setting=SETTINGS.index(wanted)), wanted.label
            parsed: Value = await resolve_zone(value, answer=answer)
        else:
            parsed = wanted.kind.parse(value)
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            before, changes = settings.value_of(guild, wanted), forms.changed(guild, {wanted.column: parsed})
            await settings.change(session, guild, actor, changes, now)
        self.bot.wake()
        old, new = (ui.quoted(wanted.kind.show(one), _EXCERPT) for one in (before, parsed))
        said = (
            f"✅ **{wanted.label}** {old} → {new}" if changes.values else f"**{wanted.label}** is already {new}."
        )
        all_settings = ui.row(ui.button("All settings", SHOW.id()))
        await ui.show(interaction, ui.Panel(ui.text(f"{said}\n-# {wanted.help}"), all_settings))


def _choices(guild: Guild, setting: Setting, typed: str) -> Choices:
    kind, now = setting.kind, settings.value_of(guild, setting)
    values: list[Value] = [now, *(one for one in kind.suggestions if one != now)]
    plain = typed.strip().casefold()
    listed = [one for one in values if plain in f"{kind.write(one)} {kind.show(one)}".casefold()]
    if plain and (read := _read(setting, typed)) is not None:
        listed = [read, *(one for one in listed if one != read)]
    choices = [(_name(setting, one, now), kind.write(one) or _NOTHING) for one in listed]
    fitting = [(name, value) for name, value in choices if len(value) <= _LONGEST_CHOICE]
    return [Choice(name=name, value=value) for name, value in fitting[:_MOST_CHOICES]]


def _name(setting: Setting, value: Value, now: Value) -> str:
    shown, mark = setting.kind.show(value), " · now" if value == now else ""
    return shown[: _LONGEST_CHOICE - len(mark)] + mark


def _read(setting: Setting, typed: str) -> Value | None:
    try:
        return setting.kind.parse(typed)
    except Unreadable:
        return None
