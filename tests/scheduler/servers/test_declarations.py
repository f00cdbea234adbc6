"""The declared settings fit their columns, Discord's limits and each other."""

import pytest

from models import Guild
from scheduler.core.errors import Unreadable
from scheduler.servers import declarations, settings
from scheduler.servers.declarations import RENAMED_COLUMNS, SETTINGS, Form, Setting
from scheduler.servers.settings import GuildChanges, GuildDefaults

NOT_SETTINGS = {"id", "created_at", "bot_removed_at"}
ELSEWHERE = {"presets", "default_policy", "payment_mode", "holiday_region", "holidays_due_at"}
"""Set with `/coaching defaults`, `/coaching payments` and `/coaching closures`."""
DEFAULTS = settings.unsaved(0, GuildDefaults())
LABELS = [setting.label for setting in SETTINGS]


def test_every_setting_column_is_declared_once() -> None:
    columns = {one.key for one in Guild.__table__.columns}
    picked = {one for one in columns if one.endswith(("_role_id", "_channel_id", "_category_id"))}

    declared = [setting.column for setting in SETTINGS]

    assert len(declared) == len(set(declared))
    assert set(declared) == columns - picked - NOT_SETTINGS - ELSEWHERE


def test_renamed_columns_exist_under_their_new_names() -> None:
    columns = {one.key for one in Guild.__table__.columns}

    assert set(RENAMED_COLUMNS.values()) <= columns
    assert not set(RENAMED_COLUMNS) & columns


@pytest.mark.parametrize("setting", SETTINGS, ids=LABELS)
def test_a_setting_fits_discords_limits(setting: Setting) -> None:
    assert 1 <= len(setting.label) <= 45
    assert 1 <= len(setting.help) <= 100
    assert len(setting.kind.suggestions) < 25


@pytest.mark.parametrize("form", list(Form))
def test_a_form_asks_for_one_to_five_settings(form: Form) -> None:
    assert 1 <= len(declarations.of_form(form)) <= 5


@pytest.mark.parametrize("setting", SETTINGS, ids=LABELS)
def test_the_default_and_every_suggestion_can_be_set_and_typed(setting: Setting) -> None:
    kind = setting.kind

    for value in (settings.value_of(DEFAULTS, setting), *kind.suggestions):
        assert kind.check(value) == value
        assert kind.parse(kind.write(value)) == value


@pytest.mark.parametrize("setting", SETTINGS, ids=LABELS)
def test_a_setting_is_found_by_its_label_and_its_column(setting: Setting) -> None:
    assert declarations.find(f" {setting.label.upper()} ") is setting
    assert declarations.find(setting.column) is setting


def test_a_setting_is_found_by_part_of_just_one_label() -> None:
    assert declarations.find("stays").column == "linger_minutes"
    for typed in ("room", "", "colour"):
        with pytest.raises(Unreadable, match="Pick one from the list"):
            declarations.find(typed)


def test_an_unknown_column_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="no settings curency"):
        GuildChanges(curency="EUR")
    with pytest.raises(TypeError, match="no default can be chosen for access_mode"):
        GuildDefaults(access_mode="role")
