"""`/coaching setup` as a panel: what it finds wrong, and what one press mends."""

from typing import Any

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.components import walk_components
from simcord.enums import OverwriteType
from sqlalchemy import select

from bot.discord_api.permissions import INVITE, names
from cogs.routes import OPEN_SETUP
from cogs.setup import panel as setup_panel
from cogs.setup.panel import CHANGE, CLEAR, MAKE, PICK, PICKED, SHOW
from cogs.ui.routing import Route
from models import AuditEntry, Guild
from scheduler.servers.resources import ServerResource
from tests.support.presses import emit_press
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, press, rows, send
from tests.support.transactions import fetch, fetch_all

FINE = "✅ Everything is as it should be."
WANTED = [name for name, wanted in INVITE if wanted]
MADE = (
    ServerResource.REVIEW_CHANNEL,
    ServerResource.COACH_ROLE,
    ServerResource.ROOM_CATEGORY,
    ServerResource.LOG_CHANNEL,
)


def of(route: Route, place: ServerResource) -> str:
    """The `custom_id` for this place."""
    return route.id(place=setup_panel.PLACES.index(place))


def ids(message: Any) -> set[str]:
    """Every `custom_id` of the message."""
    parts = walk_components([one if isinstance(one, dict) else one.to_dict() for one in message.components])
    return {one["custom_id"] for one in parts if one.get("custom_id")}


async def opened(world: Academy, person: Any = None) -> Any:
    """The panel, as `/coaching setup` alone shows it."""
    return reply(await (person or world.admin).slash(world.lobby, "coaching setup"))


async def click(person: Any, message: Any, custom_id: str) -> Any:
    """Press; what is shown then."""
    return reply(await person.click(message, custom_id=custom_id))


async def settings(world: Academy) -> Guild:
    return await fetch(world.db, Guild, world.guild.id)


async def audited(world: Academy) -> list[Any]:
    """Whose settings were changed how, oldest first."""
    wanted = select(AuditEntry).where(AuditEntry.action == "settings_changed").order_by(AuditEntry.id)
    return [(one.actor_id, one.details) for one in await fetch_all(world.db, wanted)]


def own_role(world: Academy) -> Any:
    """The bot's role, whose permissions and place a human changes in Discord's own settings."""
    return next(role for role in world.guild._guild.roles.values() if role.managed)


def give(world: Academy, permissions: discord.Permissions) -> None:
    """The bot gets exactly these from its role, and nothing from being a member; admins may do as before."""
    admins = discord.Permissions(
        manage_guild=True, manage_roles=True, view_channel=True, send_messages=True, use_application_commands=True
    )
    for role, given in (
        (own_role(world), permissions),
        (world.guild._guild.everyone_role, discord.Permissions.none()),
        (world.guild._guild.roles[world.guild.roles["Admin"].id], admins),
    ):
        world.env.backend.edit_role(world.guild.id, role.id, {"permissions": given.value})


def all_but(name: str) -> discord.Permissions:
    return discord.Permissions(INVITE.value & ~getattr(discord.Permissions, name).flag)


def move_own_role(world: Academy, position: int) -> None:
    world.env.backend.edit_role(world.guild.id, own_role(world).id, {"position": position})


def channels(world: Academy, name: str) -> list[Any]:
    every = (world.env.backend.channels[one] for one in world.guild._guild.channel_ids)
    return [one for one in every if one.name == name]


async def picked(world: Academy, person: Any, message: Any, place: ServerResource, chosen: Any) -> Any:
    """From the panel to the page of a place, and something picked there."""
    page = reply(await person.select(message, [str(setup_panel.PLACES.index(place))], custom_id=CHANGE.id()))
    return reply(await person.select(page, [chosen], custom_id=of(PICKED, place)))


async def test_from_nothing_right_to_everything_by_presses_alone(world: Academy) -> None:
    give(world, discord.Permissions(view_channel=True, send_messages=True))
    panel = await opened(world)
    assert "5 things to look at" in words(panel)
    assert "❌ **Permissions** I lack" in words(panel)
    assert words(panel).count("⚠️") == 4

    give(world, INVITE)  # a human does this in Discord's own settings
    panel = await click(world.admin, panel, SHOW.id())
    for place in MADE:
        panel = await click(world.admin, panel, of(MAKE, place))
        assert "✅ Saved." in words(panel)
    panel = await fill(world.admin, panel, "Time zone and payment…", {"Time zone": "Lisbon", "Currency": "eur"})
    panel = await click(world.admin, panel, SHOW.id())

    assert FINE in words(panel)
    assert "⚠️" not in words(panel)
    assert "❌" not in words(panel)
    assert "**Time zone** Europe/Lisbon\n**Currency** EUR" in words(panel)
    assert not {one for one in ids(panel) if one.startswith(("setup:make", "setup:pick:"))}
    guild, guild_now = await settings(world), world.guild
    assert guild.room_category_id == world.rooms.id, "the category of that name is taken, not made again"
    assert guild.coach_role_id == world.coach_role.id
    assert guild.review_channel_id == guild_now.channels["coach-applications"].id
    assert guild.log_channel_id == guild_now.channels["coaching-log"].id
    assert [actor for actor, _ in await audited(world)] == [world.admin.id] * 5


async def test_after_that_applications_arrive_and_are_decided(world: Academy) -> None:
    panel = await opened(world)
    for place in MADE:
        panel = await click(world.admin, panel, of(MAKE, place))

    await world.apply(world.coach)
    card = world.guild.channels["coach-applications"].last_message
    await world.admin.click(card, label="Approve")

    assert world.has_role(world.coach, world.coach_role)


@pytest.mark.parametrize("place", [ServerResource.REVIEW_CHANNEL, ServerResource.LOG_CHANNEL])
async def test_a_channel_that_is_made_is_seen_by_admins_and_the_bot_alone(
    world: Academy, place: ServerResource
) -> None:
    panel = await opened(world)

    await click(world.admin, panel, of(MAKE, place))

    made = world.guild.channels["coach-applications" if place is ServerResource.REVIEW_CHANNEL else "coaching-log"]
    assert world.may(world.admin, made, "view_channel", "send_messages")
    assert not world.sees(world.student, made)
    assert not world.sees(world.outsider, made)


async def test_a_channel_of_that_name_that_all_see_is_left_alone(world: Academy) -> None:
    public = world.guild.create_text_channel("coach-applications")

    await click(world.admin, await opened(world), of(MAKE, ServerResource.REVIEW_CHANNEL))

    chosen = (await settings(world)).review_channel_id
    assert len(channels(world, "coach-applications")) == 2
    assert chosen != public.id


@pytest.mark.parametrize("why", ["power", "a channel"])
async def test_a_role_of_that_name_that_gives_something_is_left_alone(world: Academy, why: str) -> None:
    backend, theirs = world.env.backend, world.coach_role
    if why == "power":
        changed = {"permissions": discord.Permissions(kick_members=True).value}
        backend.edit_role(world.guild.id, theirs.id, changed)
    else:
        view = discord.Permissions(view_channel=True).value
        backend.channels[world.review.id].overwrites[:] = [
            Overwrite(target_id=theirs.id, type=OverwriteType.ROLE, allow=view)
        ]

    await click(world.admin, await opened(world), of(MAKE, ServerResource.COACH_ROLE))

    guild = await settings(world)
    roles = [role for role in world.guild._guild.roles.values() if role.name == "Coach"]
    assert len(roles) == 2
    assert guild.coach_role_id != theirs.id
    assert world.guild._guild.roles[guild.coach_role_id or 0].permissions == 0


@pytest.mark.parametrize("permission", WANTED)
async def test_each_missing_permission_is_named_until_it_is_given(world: Academy, permission: str) -> None:
    [name] = names(discord.Permissions(**{permission: True}))
    give(world, all_but(permission))

    without = words(await opened(world))
    give(world, INVITE)
    with_it = words(await opened(world))

    assert f"❌ **Permissions** I lack **{name}** in the server. Open **Server Settings → Roles**" in without
    assert "Invite me again" in without
    assert "❌" not in with_it
    assert "✅ **Permissions**" in with_it


async def test_the_address_that_invites_again_asks_for_what_is_used_in_this_server(world: Academy) -> None:
    give(world, all_but("connect"))

    panel = await opened(world)

    parts = walk_components([one if isinstance(one, dict) else one.to_dict() for one in panel.components])
    [url] = [one["url"] for one in parts if one.get("url")]
    assert f"permissions={INVITE.value}" in url
    assert f"guild_id={world.guild.id}" in url


PLACES_WITH_NEEDS = [
    (ServerResource.REVIEW_CHANNEL, "send_messages", "Edit Channel"),
    (ServerResource.LOG_CHANNEL, "read_message_history", "Edit Channel"),
    (ServerResource.FALLBACK_CHANNEL, "view_channel", "Edit Channel"),
    (ServerResource.ROOM_CATEGORY, "connect", "Edit Category"),
    (ServerResource.ROOM_CATEGORY, "manage_roles", "Edit Category"),
]


@pytest.mark.parametrize(("place", "permission", "where"), PLACES_WITH_NEEDS)
async def test_what_one_place_denies_is_named_with_the_place_until_it_is_allowed(
    world: Academy, place: ServerResource, permission: str, where: str
) -> None:
    chosen = world.rooms if place is ServerResource.ROOM_CATEGORY else world.review
    [name] = names(discord.Permissions(**{permission: True}))
    await picked(world, world.admin, await opened(world), place, chosen)
    flag = getattr(discord.Permissions, permission).flag
    denied = Overwrite(target_id=own_role(world).id, type=OverwriteType.ROLE, deny=flag)
    world.env.backend.channels[chosen.id].overwrites[:] = [denied]

    panel = await opened(world)
    denied_there, offered = words(panel), ids(panel)
    world.env.backend.channels[chosen.id].overwrites.clear()
    mended = words(await click(world.admin, panel, SHOW.id()))

    assert f"I lack **{name}** in {chosen.mention}. Right-click it → **{where} → Permissions**" in denied_there
    assert of(PICK, place) in offered
    assert "❌" not in mended


async def test_a_coach_role_above_the_bots_own_is_told_with_where_to_drag_until_it_is_below(
    world: Academy,
) -> None:
    await world.set_up()
    move_own_role(world, 1)
    world.env.backend.edit_role(world.guild.id, world.coach_role.id, {"position": 7})

    panel = await opened(world)
    too_high = words(panel)
    move_own_role(world, 100)
    mended = words(await click(world.admin, panel, SHOW.id()))

    assert "❌ **Coach role** <@&" in too_high
    assert "Open **Server Settings → Roles** and drag my role above it" in too_high
    assert "❌" not in mended


@pytest.mark.parametrize("place", MADE)
async def test_what_somebody_deleted_is_told_and_made_again(world: Academy, place: ServerResource) -> None:
    panel = await opened(world)
    panel = await click(world.admin, panel, of(MAKE, place))
    first = place.id_in(await settings(world)) or 0
    backend = world.env.backend
    if place.is_role:
        backend.delete_role(world.guild.id, first)
    else:
        backend.delete_channel(first)

    panel = await click(world.admin, panel, SHOW.id())
    assert "doesn't exist any more" in words(panel)
    mended = words(await click(world.admin, panel, of(MAKE, place)))

    assert "doesn't exist any more" not in mended
    assert place.id_in(await settings(world)) not in (None, first)


@pytest.mark.parametrize("place", MADE)
async def test_of_two_admins_who_press_create_at_once_one_place_comes(
    world: Academy, place: ServerResource
) -> None:
    admin_role = next(role for name, role in world.guild.roles.items() if name == "Admin")
    other = world.guild.add_member(world.env.create_user("otto"), roles=[admin_role])
    theirs = {person: await opened(world, person) for person in (world.admin, other)}
    before = len(world.guild._guild.channel_ids), len(world.guild._guild.roles)

    answers = [emit_press(world, *one, of(MAKE, place)) for one in theirs.items()]
    await world.env.settle()

    assert ["✅ Saved." in words(reply(one)) for one in answers] == [True, True]
    after = len(world.guild._guild.channel_ids), len(world.guild._guild.roles)
    new = int(place in (ServerResource.REVIEW_CHANNEL, ServerResource.LOG_CHANNEL))
    assert after == (before[0] + new, before[1])
    assert len(await audited(world)) == 1


async def test_pressing_create_again_on_an_old_panel_keeps_what_was_picked_meanwhile(world: Academy) -> None:
    old = await opened(world)
    await picked(world, world.admin, await opened(world), ServerResource.REVIEW_CHANNEL, world.review)

    await click(world.admin, old, of(MAKE, ServerResource.REVIEW_CHANNEL))

    assert (await settings(world)).review_channel_id == world.review.id
    assert channels(world, "coach-applications") == []


async def test_what_discord_refuses_to_make_is_said_with_what_to_do_and_changes_nothing(world: Academy) -> None:
    give(world, all_but("manage_channels"))
    panel = await opened(world)
    before = await rows(world)

    said = words(await click(world.admin, panel, of(MAKE, ServerResource.REVIEW_CHANNEL)))

    assert said.startswith("Can't create the review channel: I'm missing **Manage Channels** in the server")
    assert await rows(world) == before


async def test_the_alerts_and_the_fallback_channel_can_be_cleared(world: Academy) -> None:
    panel = await opened(world)
    panel = await picked(world, world.admin, panel, ServerResource.LOG_CHANNEL, world.review)
    panel = await picked(world, world.admin, panel, ServerResource.FALLBACK_CHANNEL, world.lobby)
    assert f"✅ **Fallback channel** {world.lobby.mention}" in words(panel)

    for place in (ServerResource.LOG_CHANNEL, ServerResource.FALLBACK_CHANNEL):
        page = reply(
            await world.admin.select(panel, [str(setup_panel.PLACES.index(place))], custom_id=CHANGE.id())
        )
        panel = await press(world.admin, page, "Clear")

    guild = await settings(world)
    assert (guild.log_channel_id, guild.fallback_channel_id) == (None, None)
    assert "⚠️ **Alerts channel** not set. Alerts go to the system channel" in words(panel)
    assert [details for _, details in await audited(world)][2:] == [
        {"log_channel_id": None},
        {"fallback_channel_id": None},
    ]


async def test_what_the_server_cannot_do_without_is_not_taken_away(world: Academy) -> None:
    await world.set_up()

    refused = await world.press_custom_id(world.admin, of(CLEAR, ServerResource.REVIEW_CHANNEL))

    assert words(reply(refused)) == "This one is needed and can't be removed. Choose another one instead."
    assert (await settings(world)).review_channel_id == world.review.id


async def test_forms_change_times_and_rules_and_the_audit_tells_only_what_differs(world: Academy) -> None:
    panel = await opened(world)

    panel = await fill(world.admin, panel, "Times…", {"Room stays after the end": "1 hour", "Reminders": "2h"})
    panel = await fill(
        world.admin,
        panel,
        "Rules…",
        {
            "Upcoming sessions per student": "3",
            "Cancellation notice": "1 day",
            "Access": ["by a role per session"],
        },
    )

    assert "removed 1 h after\n**Access** by a role per session" in words(panel)
    assert "**Reminders** 2 h before" in words(panel)
    assert "up to 3 upcoming sessions · free cancellation until 1 day before the start" in words(panel)
    assert [details for _, details in await audited(world)] == [
        {"linger_minutes": 60, "reminder_minutes": [120]},
        {"most_upcoming": 3, "cancel_notice_minutes": 1440, "access_mode": "role"},
    ]


@pytest.mark.parametrize(
    ("button", "typed", "sentence"),
    [
        (
            "Times…",
            {"Room created before the start": "2 days"},
            '"2 days" is out of range. Type 0 minutes to 1 day.',
        ),
        ("Times…", {"No-show after": "3 hours"}, '**No-show after** "3 hours" is out of range.'),
        ("Times…", {"Room created before the start": "none"}, "Create it earlier, or open it later."),
        ("Rules…", {"Upcoming sessions per student": "ten"}, "isn't a whole number from 1 to 100"),
        ("Rules…", {"Upcoming sessions per student": "0"}, "isn't a whole number from 1 to 100"),
        ("Time zone and payment…", {"Time zone": "Mars"}, 'I don\'t know the time zone "Mars".'),
    ],
)
async def test_a_form_that_cannot_be_is_refused_and_given_back(
    world: Academy, button: str, typed: dict[str, str], sentence: str
) -> None:
    panel = await opened(world)
    before = await rows(world)

    refusal = await fill(world.admin, panel, button, typed)

    assert sentence in words(refusal)
    assert "Fix it" in words(refusal)
    assert await rows(world) == before


async def test_payment_instructions_can_be_removed(world: Academy) -> None:
    panel = await fill(
        world.admin, await opened(world), "Time zone and payment…", {"Payment instructions": "By transfer."}
    )
    assert "**Payment instructions** By transfer." in words(panel)

    panel = await fill(world.admin, panel, "Time zone and payment…", {"Payment instructions": ""})

    assert "**Payment instructions** not set" in words(panel)


async def test_the_panel_its_pages_and_forms_outlive_a_restart(world: Academy) -> None:
    panel = await opened(world)
    page = await click(world.admin, await opened(world), of(PICK, ServerResource.REVIEW_CHANNEL))
    typed = await form(world.admin, await opened(world), "Rules…")
    await world.restart()

    panel = await click(world.admin, panel, of(MAKE, ServerResource.LOG_CHANNEL))
    await world.admin.select(page, [world.review], custom_id=of(PICKED, ServerResource.REVIEW_CHANNEL))
    saved = await send(world.admin, typed, {"Upcoming sessions per student": "4"})

    guild = await settings(world)
    assert guild.log_channel_id == world.guild.channels["coaching-log"].id
    assert (guild.review_channel_id, guild.most_upcoming) == (world.review.id, 4)
    assert "Discord did not say" not in words(saved)


async def test_whoever_is_no_admin_sees_nothing_and_changes_nothing(world: Academy) -> None:
    await world.set_up()
    before = await rows(world)
    made = len(world.guild._guild.channel_ids), len(world.guild._guild.roles)

    answers = [await world.outsider.slash(world.lobby, "coaching setup")]
    for place in ServerResource:
        for route in (MAKE, PICK, CLEAR):
            answers.append(await world.press_custom_id(world.outsider, of(route, place)))
        for chosen in (world.lobby, world.coach_role):
            tampered = of(PICKED, place)
            answers.append(await world.press_custom_id(world.outsider, tampered, picked=[str(chosen.id)]))
    for route in (OPEN_SETUP.id(), SHOW.id(), setup_panel.DEFAULTS.id(), setup_panel.FORM.id(form=1)):
        answers.append(await world.press_custom_id(world.outsider, route))

    assert {words(reply(one)).split(".")[0] for one in answers} == {"Only admins can do this"}
    assert await rows(world) == before
    assert (len(world.guild._guild.channel_ids), len(world.guild._guild.roles)) == made


async def test_the_admin_role_neither_makes_nor_picks_roles(world: Academy) -> None:
    helpers = world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=[helpers])
    await picked(world, world.admin, await opened(world), ServerResource.ADMIN_ROLE, helpers)
    panel = await opened(world, helper)

    made = words(await click(helper, panel, of(MAKE, ServerResource.COACH_ROLE)))
    chosen = words(await picked(world, helper, panel, ServerResource.ADMIN_ROLE, world.coach_role))

    assert made.startswith("Only members with Manage Server can have me create")
    assert chosen.startswith("Only members with Manage Server can choose")
    assert (await settings(world)).coach_role_id is None


async def test_who_manages_the_server_takes_the_admin_role_away_again_and_whoever_has_it_does_not(
    world: Academy,
) -> None:
    helpers = world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=[helpers])
    await picked(world, world.admin, await opened(world), ServerResource.ADMIN_ROLE, helpers)

    refused = words(reply(await world.press_custom_id(helper, of(CLEAR, ServerResource.ADMIN_ROLE))))
    kept = (await settings(world)).admin_role_id
    page = reply(await world.press_custom_id(world.admin, of(PICK, ServerResource.ADMIN_ROLE)))
    panel = await press(world.admin, page, "Clear")

    assert refused == "Only members with Manage Server can choose the admin role and the coach role."
    assert kept == helpers.id
    assert (await settings(world)).admin_role_id is None
    assert "➖ **Admin role** not set" in words(panel)


async def test_nobody_makes_everybody_an_admin(world: Academy) -> None:
    everybody = world.guild.default_role

    refused = await picked(world, world.admin, await opened(world), ServerResource.ADMIN_ROLE, everybody)

    assert words(refused).startswith("Everybody here has that role")
    assert await world.count(Guild) == 0


async def test_everything_that_is_wrong_in_a_form_is_said_at_once(world: Academy) -> None:
    refusal = await fill(
        world.admin, await opened(world), "Time zone and payment…", {"Time zone": "Mars", "Currency": "XYZ"}
    )

    assert '**Time zone** I don\'t know the time zone "Mars".' in words(refusal)
    assert '**Currency** "XYZ" isn\'t a currency.' in words(refusal)


async def test_a_form_of_another_release_is_refused(world: Academy) -> None:
    custom_id = setup_panel.FORM.id(form=len(setup_panel.FORMS))

    answers = [
        await world.press_custom_id(world.admin, custom_id),
        await world.send_custom_id(world.admin, custom_id, {"Time zone": "Lisbon"}),
    ]

    for answer in answers:
        assert "This form doesn't exist any more. Use `/coaching setup` again." in words(reply(answer))
    assert await world.count(Guild) == 0


async def test_where_discord_does_not_answer_the_settings_are_shown_all_the_same(world: Academy) -> None:
    await world.set_up()
    world.env.inject_error("GET", f"/guilds/{world.guild.id}", status=500, code=0)

    said = words(await opened(world))

    assert "Discord did not say what I may do here" in said
    assert "**Time zone** Europe/Berlin" in said
    assert "✅ **Permissions**" not in said


async def test_the_fullest_panel_keeps_to_discords_limits(world: Academy) -> None:
    await world.set_up()
    await fill(world.admin, await opened(world), "Time zone and payment…", {"Payment instructions": "*" * 300})
    panel = await opened(world)
    for place, chosen in ((ServerResource.LOG_CHANNEL, "log"), (ServerResource.FALLBACK_CHANNEL, "news")):
        panel = await picked(world, world.admin, panel, place, world.guild.create_text_channel(chosen))
    guild = await settings(world)
    for channel_id in (guild.review_channel_id, guild.log_channel_id, guild.fallback_channel_id):
        flags = discord.Permissions(view_channel=True, send_messages=True, read_message_history=True).value
        denied = Overwrite(target_id=own_role(world).id, type=OverwriteType.ROLE, deny=flags)
        world.env.backend.channels[channel_id or 0].overwrites[:] = [denied]
    world.env.backend.delete_channel(world.rooms.id)
    world.env.backend.delete_role(world.guild.id, world.coach_role.id)
    give(world, discord.Permissions.none())

    shown = await opened(world)  # `reply` holds it against the limits

    assert "things to look at" in words(shown)
