"""The panel of `/coaching setup`: which problems it finds and fixes, and its settings."""

from typing import Any

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.components import walk_components
from simcord.enums import OverwriteType
from sqlalchemy import select

from bot.discord_api.permissions import EVENTS, INVITE, names, wanted
from cogs.routes import OPEN_SETUP
from cogs.setup import panel as setup_panel
from cogs.setup.panel import CHANGE, CLEAR, MAKE, PICK, PICKED, SHOW
from cogs.ui.routing import Route
from models import AuditEntry, Guild
from scheduler.servers.resources import ServerResource
from tests.support.parameters import first_plain
from tests.support.presses import emit_press
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, press, rows, send
from tests.support.transactions import fetch, fetch_all

FINE = "✅ Nothing to fix."
WANTED = [name for name, wanted in INVITE if wanted]
MADE = (
    ServerResource.REVIEW_CHANNEL,
    ServerResource.COACH_ROLE,
    ServerResource.ROOM_CATEGORY,
    ServerResource.LOG_CHANNEL,
)


def of(route: Route, place: ServerResource) -> str:
    """Return the route's `custom_id` for this place."""
    return route.id(place=setup_panel.PLACES.index(place))


def components(message: Any) -> list[dict[str, Any]]:
    return list(walk_components([one if isinstance(one, dict) else one.to_dict() for one in message.components]))


def ids(message: Any) -> set[str]:
    return {one["custom_id"] for one in components(message) if one.get("custom_id")}


async def opened(world: Academy, person: Any = None) -> Any:
    """Run `/coaching setup` and return the panel."""
    return reply(await (person or world.admin).slash(world.lobby, "coaching setup"))


async def click(person: Any, message: Any, custom_id: str) -> Any:
    """Press a button and return what's shown then."""
    return reply(await person.click(message, custom_id=custom_id))


async def settings(world: Academy) -> Guild:
    return await fetch(world.db, Guild, world.guild.id)


async def audited(world: Academy) -> list[Any]:
    """Return who changed which settings, oldest first."""
    wanted = select(AuditEntry).where(AuditEntry.action == "settings_changed").order_by(AuditEntry.id)
    return [(one.actor_id, one.details) for one in await fetch_all(world.db, wanted)]


def own_role(world: Academy) -> Any:
    """Return the bot's own role."""
    return next(role for role in world.guild._guild.roles.values() if role.managed)


def give(world: Academy, permissions: discord.Permissions) -> None:
    """Grant the bot exactly these permissions. Admins keep theirs."""
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


def deny(world: Academy, channel_id: int, **permissions: bool) -> None:
    """Deny the bot these permissions in a channel."""
    flags = discord.Permissions(**permissions).value
    denied = Overwrite(target_id=own_role(world).id, type=OverwriteType.ROLE, deny=flags)
    world.env.backend.channels[channel_id].overwrites[:] = [denied]


def add_helper(world: Academy) -> tuple[Any, Any]:
    """Add a role and a member who has it."""
    helpers = world.guild.create_role("Helpers")
    return helpers, world.guild.add_member(world.env.create_user("hal"), roles=[helpers])


def channels(world: Academy, name: str) -> list[Any]:
    every = (world.env.backend.channels[one] for one in world.guild._guild.channel_ids)
    return [one for one in every if one.name == name]


async def picked(world: Academy, person: Any, message: Any, place: ServerResource, chosen: Any) -> Any:
    """Choose a place on the panel, pick something for it, and return what's shown then."""
    page = await page_of(person, message, place)
    return reply(await person.select(page, [chosen], custom_id=of(PICKED, place)))


async def page_of(person: Any, message: Any, place: ServerResource) -> Any:
    return reply(await person.select(message, [str(setup_panel.PLACES.index(place))], custom_id=CHANGE.id()))


async def test_a_server_is_set_up_by_pressing_buttons_alone(world: Academy) -> None:
    give(world, discord.Permissions(view_channel=True, send_messages=True))
    panel = await opened(world)
    assert "5 things to fix" in words(panel)
    assert "❌ **Permissions** I'm missing" in words(panel)
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
    assert "**Time zone and payment**\nTime zone: Europe/Lisbon\nCurrency: EUR" in words(panel)
    assert not {one for one in ids(panel) if one.startswith(("setup:make", "setup:pick:"))}
    guild, guild_now = await settings(world), world.guild
    assert guild.room_category_id == world.rooms.id, "the category of that name is taken, not made again"
    assert guild.coach_role_id == world.coach_role.id
    assert guild.review_channel_id == guild_now.channels["coach-applications"].id
    assert guild.log_channel_id == guild_now.channels["coaching-log"].id
    assert [actor for actor, _ in await audited(world)] == [world.admin.id] * 5


async def test_created_channels_and_roles_serve_applications(world: Academy) -> None:
    panel = await opened(world)
    for place in MADE:
        panel = await click(world.admin, panel, of(MAKE, place))

    await world.apply(world.coach)
    card = world.guild.channels["coach-applications"].last_message
    await world.admin.click(card, label="Approve")

    assert world.has_role(world.coach, world.coach_role)


@pytest.mark.parametrize("place", [ServerResource.REVIEW_CHANNEL, ServerResource.LOG_CHANNEL])
async def test_only_admins_see_a_created_channel(world: Academy, place: ServerResource) -> None:
    await click(world.admin, await opened(world), of(MAKE, place))

    made = world.guild.channels["coach-applications" if place is ServerResource.REVIEW_CHANNEL else "coaching-log"]
    assert world.may(world.admin, made, "view_channel", "send_messages")
    assert not world.sees(world.student, made)
    assert not world.sees(world.outsider, made)


async def test_a_public_channel_of_the_same_name_is_not_used(world: Academy) -> None:
    public = world.guild.create_text_channel("coach-applications")

    await click(world.admin, await opened(world), of(MAKE, ServerResource.REVIEW_CHANNEL))

    chosen = (await settings(world)).review_channel_id
    assert len(channels(world, "coach-applications")) == 2
    assert chosen != public.id


@pytest.mark.parametrize("why", ["power", "a channel"])
async def test_a_role_of_the_same_name_that_grants_something_is_not_used(world: Academy, why: str) -> None:
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


async def test_each_missing_permission_is_listed_until_it_is_granted(world: Academy) -> None:
    for permission in WANTED:
        [name] = names(discord.Permissions(**{permission: True}))
        give(world, all_but(permission))

        without = words(await opened(world))
        give(world, INVITE)
        with_it = words(await opened(world))

        where = "in the server. Open **Server Settings → Roles**"
        assert f"❌ **Permissions** I'm missing **{name}** {where}" in without
        assert "Invite me again" in without
        assert "❌" not in with_it
        assert "✅ Permissions: all granted" in with_it


async def test_the_invite_link_asks_for_all_permissions_in_this_server(world: Academy) -> None:
    give(world, all_but("connect"))

    panel = await opened(world)

    [url] = [one["url"] for one in components(panel) if one.get("url")]
    assert f"permissions={INVITE.value}" in url
    assert f"guild_id={world.guild.id}" in url


async def test_a_server_that_mirrors_workshops_grants_create_events_too(world: Academy) -> None:
    give(world, INVITE)
    panel = await fill(world.admin, await opened(world), "Workshops…", {"Scheduled events": ["Yes"]})
    assert "❌ **Permissions** I'm missing **Create Events** in the server" in words(panel)
    [url] = [one["url"] for one in components(panel) if one.get("url")]
    assert f"permissions={INVITE.value | EVENTS.value}" in url

    give(world, wanted(with_events=True))

    assert "❌" not in words(await opened(world))


PLACES_WITH_NEEDS = [
    (ServerResource.REVIEW_CHANNEL, "send_messages", "Edit Channel"),
    (ServerResource.LOG_CHANNEL, "read_message_history", "Edit Channel"),
    (ServerResource.FALLBACK_CHANNEL, "view_channel", "Edit Channel"),
    (ServerResource.WORKSHOP_CHANNEL, "send_messages", "Edit Channel"),
    (ServerResource.ROOM_CATEGORY, "connect", "Edit Category"),
    (ServerResource.ROOM_CATEGORY, "manage_roles", "Edit Category"),
]


@pytest.mark.parametrize(("place", "permission", "where"), first_plain(PLACES_WITH_NEEDS))
async def test_a_permission_denied_in_a_channel_is_listed_until_it_is_allowed(
    world: Academy, place: ServerResource, permission: str, where: str
) -> None:
    chosen = world.rooms if place is ServerResource.ROOM_CATEGORY else world.review
    [name] = names(discord.Permissions(**{permission: True}))
    await picked(world, world.admin, await opened(world), place, chosen)
    deny(world, chosen.id, **{permission: True})

    panel = await opened(world)
    broken, offered = words(panel), ids(panel)
    world.env.backend.channels[chosen.id].overwrites.clear()
    fixed = words(await click(world.admin, panel, SHOW.id()))

    assert f"I'm missing **{name}** in {chosen.mention}. Right-click it → **{where} → Permissions**" in broken
    assert of(PICK, place) in offered
    assert "❌" not in fixed


async def test_a_coach_role_above_the_bots_own_is_listed_until_it_is_below(world: Academy) -> None:
    await world.set_up()
    edit_role, own = world.env.backend.edit_role, own_role(world).id
    edit_role(world.guild.id, own, {"position": 1})
    edit_role(world.guild.id, world.coach_role.id, {"position": 7})

    panel = await opened(world)
    too_high = words(panel)
    edit_role(world.guild.id, own, {"position": 100})
    fixed = words(await click(world.admin, panel, SHOW.id()))

    assert "❌ **Coach role** <@&" in too_high
    assert "Open **Server Settings → Roles** and drag my role above it" in too_high
    assert "❌" not in fixed


@pytest.mark.parametrize("place", first_plain(MADE))
async def test_a_deleted_channel_or_role_is_created_again(world: Academy, place: ServerResource) -> None:
    panel = await opened(world)
    panel = await click(world.admin, panel, of(MAKE, place))
    first = place.id_in(await settings(world)) or 0
    backend = world.env.backend
    if place.is_role:
        backend.delete_role(world.guild.id, first)
    else:
        backend.delete_channel(first)

    panel = await click(world.admin, panel, SHOW.id())
    assert "no longer exists" in words(panel)
    fixed = words(await click(world.admin, panel, of(MAKE, place)))

    assert "no longer exists" not in fixed
    assert place.id_in(await settings(world)) not in (None, first)


@pytest.mark.parametrize("place", MADE)
async def test_two_admins_pressing_create_at_once_create_one(world: Academy, place: ServerResource) -> None:
    other = world.guild.add_member(world.env.create_user("otto"), roles=[world.guild.roles["Admin"]])
    theirs = {person: await opened(world, person) for person in (world.admin, other)}
    before = len(world.guild._guild.channel_ids), len(world.guild._guild.roles)

    answers = [emit_press(world, *one, of(MAKE, place)) for one in theirs.items()]
    await world.env.settle()

    assert ["✅ Saved." in words(reply(one)) for one in answers] == [True, True]
    after = len(world.guild._guild.channel_ids), len(world.guild._guild.roles)
    new = int(place in (ServerResource.REVIEW_CHANNEL, ServerResource.LOG_CHANNEL))
    assert after == (before[0] + new, before[1])
    assert len(await audited(world)) == 1


async def test_create_on_an_old_panel_keeps_what_was_picked_meanwhile(world: Academy) -> None:
    old = await opened(world)
    await picked(world, world.admin, await opened(world), ServerResource.REVIEW_CHANNEL, world.review)

    await click(world.admin, old, of(MAKE, ServerResource.REVIEW_CHANNEL))

    assert (await settings(world)).review_channel_id == world.review.id
    assert channels(world, "coach-applications") == []


async def test_a_creation_that_discord_refuses_changes_nothing(world: Academy) -> None:
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
    assert f"✅ Fallback channel: {world.lobby.mention}" in words(panel)

    for place in (ServerResource.LOG_CHANNEL, ServerResource.FALLBACK_CHANNEL):
        panel = await press(world.admin, await page_of(world.admin, panel, place), "Clear")

    guild = await settings(world)
    assert (guild.log_channel_id, guild.fallback_channel_id) == (None, None)
    assert "⚠️ **Alerts channel** not set. Alerts go to the system channel" in words(panel)
    assert [details for _, details in await audited(world)][2:] == [
        {"log_channel_id": {"from": world.review.id, "to": None}},
        {"fallback_channel_id": {"from": world.lobby.id, "to": None}},
    ]


async def test_a_required_channel_cannot_be_cleared(world: Academy) -> None:
    await world.set_up()

    refused = await world.press_custom_id(world.admin, of(CLEAR, ServerResource.REVIEW_CHANNEL))

    assert words(reply(refused)) == "This one is needed and can't be removed. Choose another one instead."
    assert (await settings(world)).review_channel_id == world.review.id


async def test_forms_change_settings_and_the_audit_log_keeps_only_changes(world: Academy) -> None:
    times = {"Room stays after the end": "1 hour", "Reminders": "2h"}
    rules = {
        "Upcoming sessions per student": "3",
        "Cancellation notice": "1 day",
        "Access": ["By a role per session"],
    }

    panel = await fill(world.admin, await opened(world), "Times…", times)
    panel = await fill(world.admin, panel, "Rules…", rules)

    assert "removed 1 h after\nReminders: 2 h before" in words(panel)
    assert "Access: by a role per session" in words(panel)
    assert "Up to 3 upcoming sessions per student · free cancellation until 1 day before the start" in words(panel)
    assert [details for _, details in await audited(world)] == [
        {
            "linger_minutes": {"from": 15, "to": 60},
            "reminder_minutes": {"from": [1440, 60], "to": [120]},
        },
        {
            "most_upcoming": {"from": 10, "to": 3},
            "cancel_notice_minutes": {"from": 0, "to": 1440},
            "access_mode": {"from": "people", "to": "role"},
        },
    ]


@pytest.mark.parametrize(
    ("button", "typed", "sentence"),
    first_plain(
        [
            (
                "Times…",
                {"Room created before the start": "2 days"},
                '"2 days" is out of range. Type 0 minutes to 1 day.',
            ),
            ("Times…", {"No-show after": "3 hours"}, '**No-show after:** "3 hours" is out of range.'),
            ("Times…", {"Room created before the start": "none"}, "Create it earlier, or open it later."),
            ("Rules…", {"Upcoming sessions per student": "ten"}, "isn't a whole number from 1 to 100"),
            ("Rules…", {"Upcoming sessions per student": "0"}, "isn't a whole number from 1 to 100"),
            ("Time zone and payment…", {"Time zone": "Mars"}, 'I don\'t know the time zone "Mars".'),
        ]
    ),
)
async def test_an_invalid_form_is_refused_and_can_be_fixed(
    world: Academy, button: str, typed: dict[str, str], sentence: str
) -> None:
    panel = await opened(world)
    before = await rows(world)

    refusal = await fill(world.admin, panel, button, typed)

    assert sentence in words(refusal)
    assert "Fix it" in words(refusal)
    assert await rows(world) == before


async def test_payment_instructions_can_be_removed(world: Academy) -> None:
    typed = {"Payment instructions": "By transfer."}
    panel = await fill(world.admin, await opened(world), "Time zone and payment…", typed)
    assert "Payment instructions: By transfer." in words(panel)

    panel = await fill(world.admin, panel, "Time zone and payment…", {"Payment instructions": ""})

    assert "Payment instructions: not set" in words(panel)


async def test_the_panel_its_pages_and_forms_work_after_a_restart(world: Academy) -> None:
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
    assert "I couldn't check my permissions" not in words(saved)


async def test_only_admins_see_or_change_the_setup(world: Academy) -> None:
    await world.set_up()
    before = await rows(world)
    made = len(world.guild._guild.channel_ids), len(world.guild._guild.roles)
    presses = [of(route, place) for route in (MAKE, PICK, CLEAR) for place in ServerResource]
    presses += [OPEN_SETUP.id(), SHOW.id(), setup_panel.DEFAULTS.id(), setup_panel.FORM.id(form=1)]

    answers = [await world.outsider.slash(world.lobby, "coaching setup")]
    answers += [await world.press_custom_id(world.outsider, one) for one in presses]
    for chosen in (world.lobby, world.coach_role):
        for place in ServerResource:
            pick = of(PICKED, place)
            answers.append(await world.press_custom_id(world.outsider, pick, picked=[str(chosen.id)]))

    assert {words(reply(one)).split(".")[0] for one in answers} == {"Only admins can do this"}
    assert await rows(world) == before
    assert (len(world.guild._guild.channel_ids), len(world.guild._guild.roles)) == made


async def test_members_with_the_admin_role_neither_create_nor_pick_roles(world: Academy) -> None:
    helpers, helper = add_helper(world)
    await picked(world, world.admin, await opened(world), ServerResource.ADMIN_ROLE, helpers)
    panel = await opened(world, helper)

    made = words(await click(helper, panel, of(MAKE, ServerResource.COACH_ROLE)))
    chosen = words(await picked(world, helper, panel, ServerResource.ADMIN_ROLE, world.coach_role))

    assert made.startswith("Only members with Manage Server can have me create")
    assert chosen.startswith("Only members with Manage Server can choose")
    assert (await settings(world)).coach_role_id is None


async def test_only_members_with_manage_server_clear_the_admin_role(world: Academy) -> None:
    helpers, helper = add_helper(world)
    await picked(world, world.admin, await opened(world), ServerResource.ADMIN_ROLE, helpers)

    refused = words(reply(await world.press_custom_id(helper, of(CLEAR, ServerResource.ADMIN_ROLE))))
    kept = (await settings(world)).admin_role_id
    page = reply(await world.press_custom_id(world.admin, of(PICK, ServerResource.ADMIN_ROLE)))
    panel = await press(world.admin, page, "Clear")

    assert refused == "Only members with Manage Server can choose the admin role and the coach role."
    assert kept == helpers.id
    assert (await settings(world)).admin_role_id is None
    assert "➖ Admin role: not set" in words(panel)


async def test_everyone_cannot_be_the_admin_role(world: Academy) -> None:
    everybody = world.guild.default_role

    refused = await picked(world, world.admin, await opened(world), ServerResource.ADMIN_ROLE, everybody)

    assert words(refused).startswith("Everyone here has that role")
    assert await world.count(Guild) == 0


async def test_all_problems_of_a_form_are_reported_at_once(world: Academy) -> None:
    typed = {"Time zone": "Mars", "Currency": "XYZ"}

    refusal = await fill(world.admin, await opened(world), "Time zone and payment…", typed)

    assert '**Time zone:** I don\'t know the time zone "Mars".' in words(refusal)
    assert '**Currency:** "XYZ" isn\'t a currency.' in words(refusal)


async def test_lead_times_that_contradict_each_other_are_reported_with_other_problems(world: Academy) -> None:
    typed = {"Room created before the start": "none", "No-show after": "3 hours"}

    refusal = words(await fill(world.admin, await opened(world), "Times…", typed))

    assert "**Room opens before the start:** The room can't open 5 minutes before the start" in refusal
    assert '**No-show after:** "3 hours" is out of range.' in refusal


async def test_a_form_from_another_release_is_refused(world: Academy) -> None:
    custom_id = setup_panel.FORM.id(form=len(setup_panel.FORMS))

    answers = [
        await world.press_custom_id(world.admin, custom_id),
        await world.send_custom_id(world.admin, custom_id, {"Time zone": "Lisbon"}),
    ]

    for answer in answers:
        assert "This form no longer exists. Run `/coaching setup` again." in words(reply(answer))
    assert await world.count(Guild) == 0


async def test_settings_are_shown_even_if_discord_does_not_answer(world: Academy) -> None:
    await world.set_up()
    world.env.inject_error("GET", f"/guilds/{world.guild.id}", status=500, code=0)

    said = words(await opened(world))

    assert "I couldn't check my permissions" in said
    assert "Time zone: Europe/Berlin" in said
    assert f"Review channel: {world.review.mention}" in said.splitlines()
    assert "✅" not in said


async def test_the_fullest_panel_fits_into_a_message(world: Academy) -> None:
    await world.set_up()
    await fill(world.admin, await opened(world), "Time zone and payment…", {"Payment instructions": "*" * 300})
    panel = await opened(world)
    for place, chosen in ((ServerResource.LOG_CHANNEL, "log"), (ServerResource.FALLBACK_CHANNEL, "news")):
        panel = await picked(world, world.admin, panel, place, world.guild.create_text_channel(chosen))
    guild = await settings(world)
    for channel_id in (guild.review_channel_id, guild.log_channel_id, guild.fallback_channel_id):
        deny(world, channel_id or 0, view_channel=True, send_messages=True, read_message_history=True)
    world.env.backend.delete_channel(world.rooms.id)
    world.env.backend.delete_role(world.guild.id, world.coach_role.id)
    give(world, discord.Permissions.none())

    shown = await opened(world)  # `reply` checks the limits

    assert "things to fix" in words(shown)
    assert len(components(shown)) <= 40 - 2, "no room for another form"
