"""Forms for a server's settings, and what an admin changes with them."""

from collections.abc import Mapping

from cogs import ui
from cogs.ui import Typed
from models import Guild
from scheduler.parsing.fields import Fields
from scheduler.servers import declarations, settings
from scheduler.servers.declarations import Form, Setting
from scheduler.servers.setting_kinds import Choice, Text, Value
from scheduler.servers.settings import GuildChanges


def settings_form(custom_id: str, form: Form, guild: Guild, typed: Typed) -> ui.Form:
    """Build the form with the current settings, or with what was typed before."""
    asked = declarations.of_form(form)
    typed = typed or {one.label: one.kind.write(settings.value_of(guild, one)) for one in asked}
    return ui.Form(form.value, custom_id, *(_field(one, typed) for one in asked))


def read(form: Form, typed: Typed) -> dict[str, Value]:
    """Read all settings of a form, by column. May look up a city.

    Raises WrongFields, or SeveralZones if only the time zone isn't clear.
    """
    with Fields() as fields:
        values = {
            one.column: fields.read(one.label, one.kind.parse, typed.get(one.label, ""))
            for one in declarations.of_form(form)
        }
        settings.read_lead_times(fields, values)
    return values


def changed(guild: Guild, values: Mapping[str, Value]) -> GuildChanges:
    """Keep only values that differ from the current ones, so that the audit log shows only those."""
    now = {column: settings.value_of(guild, declarations.BY_COLUMN[column]) for column in values}
    return GuildChanges(**{column: value for column, value in values.items() if value != now[column]})


def _field(setting: Setting, typed: Typed) -> ui.Item:
    kind = setting.kind
    if isinstance(kind, Choice):
        labels = [_capitalized(kind.write(value)) for value in kind.suggestions]
        before = {setting.label: _capitalized(typed.get(setting.label, ""))}
        return ui.choice(setting.label, labels, before, description=setting.help)
    return ui.field(
        setting.label,
        typed,
        description=setting.help,
        placeholder=kind.example or None,
        most=kind.longest,
        long=isinstance(kind, Text),
        required=not isinstance(kind, Text),
    )


def _capitalized(words: str) -> str:
    return words[:1].upper() + words[1:]
