"""Who counts as an admin."""

from types import SimpleNamespace
from typing import Any

import pytest

from cogs import ui
from models import Guild
from tests.support.builders import GUILD, STUDENT


def a_press(guild_id: int | None, *, manages: bool) -> Any:
    permissions = SimpleNamespace(manage_guild=manages)
    return SimpleNamespace(guild_id=guild_id, user=SimpleNamespace(id=STUDENT), permissions=permissions)


@pytest.mark.parametrize("manages", [True, False])
def test_people_with_manage_server_are_admins(manages: bool) -> None:
    actor = ui.actor_of(a_press(GUILD, manages=manages), Guild(id=GUILD))

    assert (actor.user_id, actor.is_admin) == (STUDENT, manages)


@pytest.mark.parametrize("guild_id", [GUILD + 1, None], ids=["in another server", "in a direct message"])
def test_nobody_is_an_admin_outside_the_server(guild_id: int | None) -> None:
    with pytest.raises(ValueError, match="not in"):
        ui.actor_of(a_press(guild_id, manages=True), Guild(id=GUILD))
