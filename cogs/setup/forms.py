"""The forms of `/coaching setup`: the settings that each asks for, and what an admin wants who sends one."""

from collections.abc import Mapping
from typing import Any

import discord

from cogs import ui
from cogs.ui import Typed
from models import Guild
from scheduler.core.errors import Unreadable
from scheduler.servers import declarations, settings
from scheduler.servers.declarations import Form, Setting
from scheduler.servers.setting_kinds import Choice, Text, Value
from scheduler.servers.settings import GuildChanges


def settings_form(custom_id: str, form: Form, guild: Guild, typed: Typed) -> ui.Form:
    """Asks for all settings of a form, holding what's set, or what was typed before."""
    asked = declarations.of_form(form)
    typed = typed or {one.label: one.kind.write(settings.value_of(guild, one)) for one in asked}
    return ui.Form(form.value, custom_id, *(_field(one, typed) for one in asked))


def read(form: Form, typed: Typed) -> dict[str, Value]:
    """The values of all settings of a form, by column. May look up a city.

    Raises Unreadable with everything that's wrong, a line for each field.
    """
    values: dict[str, Value] = {}
    wrong: list[str] = []
    for one in declarations.of_form(form):
        try:
            values[one.column] = one.kind.parse(typed.get(one.label, ""))
        except Unreadable as error:
            wrong.append(f"**{one.label}** {error}")
    if wrong:
        raise Unreadable("\n".join(wrong))
    return values


def different(guild: Guild, values: Mapping[str, Value]) -> GuildChanges:
    """What differs from what's set, so that the audit log tells only what was changed."""
    by_column = declarations.BY_COLUMN
    return GuildChanges(
        **{key: value for key, value in values.items() if value != settings.value_of(guild, by_column[key])}
    )


def _field(setting: Setting, typed: Typed) -> discord.ui.Label[Any]:
    kind = setting.kind
    if isinstance(kind, Choice):
        words = [kind.write(value) for value in kind.suggestions()]
        options = [(one[:1].upper() + one[1:], one, one == typed.get(setting.label)) for one in words]
        return ui.choice(setting.label, options, description=setting.help)
    return ui.field(
        setting.label,
        typed,
        description=setting.help,
        placeholder=kind.example or None,
        most=kind.longest,
        long=isinstance(kind, Text),
        required=not isinstance(kind, Text),
    )
