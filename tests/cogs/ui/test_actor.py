"""Who counts as an admin."""

from types import SimpleNamespace
from typing import Any

import discord
import pytest

from cogs import ui
from models import Guild
from tests.support.builders import GUILD, STUDENT


def a_member(*role_ids: int) -> Any:
    """Return a member who has these roles."""
    looks = {"__init__": lambda _: None, "id": STUDENT, "roles": [discord.Object(one) for one in role_ids]}
    kind: Any = type("Member", (discord.Member,), looks)
    return kind()


def a_press(guild_id: int | None, *, manages: bool, user: Any = None) -> Any:
    permissions = SimpleNamespace(manage_guild=manages)
    return SimpleNamespace(guild_id=guild_id, user=user or a_member(), permissions=permissions)


@pytest.mark.parametrize("manages", [True, False])
def test_people_with_manage_server_are_admins(manages: bool) -> None:
    actor = ui.actor_of(a_press(GUILD, manages=manages), Guild(id=GUILD))

    assert (actor.user_id, actor.is_admin) == (STUDENT, manages)


@pytest.mark.parametrize(
    ("role_ids", "admin_role_id", "is_admin"), [([7, 8], 8, True), ([7], 8, False), ([], None, False)]
)
def test_members_with_the_admin_role_are_admins(
    role_ids: list[int], admin_role_id: int | None, is_admin: bool
) -> None:
    press = a_press(GUILD, manages=False, user=a_member(*role_ids))

    assert ui.actor_of(press, Guild(id=GUILD, admin_role_id=admin_role_id)).is_admin is is_admin


@pytest.mark.parametrize("guild_id", [GUILD + 1, None], ids=["in another server", "in a direct message"])
def test_nobody_is_an_admin_outside_the_server(guild_id: int | None) -> None:
    with pytest.raises(ValueError, match="not in"):
        ui.actor_of(a_press(guild_id, manages=True), Guild(id=GUILD))
