"""`/coaching set`: changing one setting, and its suggestions."""

from typing import Any

import pytest
from sqlalchemy import select

from models import AccessMode, AuditEntry, ExtensionPrice, Guild
from scheduler.servers.declarations import SETTINGS
from tests.support.simulated import Academy, reply, words
from tests.support.steps import press, rows
from tests.support.transactions import fetch, fetch_all


async def put(world: Academy, setting: str, value: str, person: Any = None) -> str:
    """Set a setting and return the answer."""
    answer = await (person or world.admin).slash(world.lobby, "coaching set", setting=setting, value=value)
    return words(reply(answer))


async def suggested(world: Academy, option: str, typed: str, person: Any = None, **given: str) -> dict[str, str]:
    """Map each suggestion's name to its value."""
    found = await (person or world.admin).autocomplete(world.lobby, "coaching set", option, typed, **given)
    return {one["name"]: one["value"] for one in found}


async def stored(world: Academy) -> Guild:
    return await fetch(world.db, Guild, world.guild.id)


CHANGES = [
    ("Time zone", "lisbon", "Europe/Berlin → Europe/Lisbon", "time_zone", "Europe/Lisbon"),
    ("Currency", "eur", "USD → EUR", "currency", "EUR"),
    ("Payment instructions", "PayPal *us*", r"not set → PayPal \*us\*", "payment_instructions", "PayPal *us*"),
    (
        "Price of 15 more minutes",
        "pro rata",
        "no extra cost → pro rata",
        "extension_price",
        ExtensionPrice.PRO_RATA,
    ),
    ("Room created before the start", "1 h 30", "15 min → 1 h 30 min", "room_lead_minutes", 90),
    ("Room opens before the start", "none", "5 min → 0 min", "access_lead_minutes", 0),
    ("Room stays after the end", "20", "15 min → 20 min", "linger_minutes", 20),
    ("Access", "By a role per session", "per person → by a role per session", "access_mode", AccessMode.ROLE),
    ("Reminders", "1h, 2 days", "1 day, 1 h → 2 days, 1 h", "reminder_minutes", [2880, 60]),
    ("No-show after", "0", "15 min → 0 min", "no_show_grace_minutes", 0),
    ("Upcoming sessions per student", "3", "10 → 3", "most_upcoming", 3),
    ("Extensions per session", "0", "2 → 0", "most_extensions", 0),
    ("Make-ups in 90 days", "2", "0 → 2", "most_make_ups", 2),
    ("Cancellation notice", "24", "0 min → 1 day", "cancel_notice_minutes", 1440),
    ("Upcoming sessions of people who leave", "kept", "cancelled → kept", "keep_after_departure", True),
    ("Names of participants", "everyone in it", "coach only → everyone in it", "names_participants", True),
    ("Scheduled events", "yes", "no → yes", "mirrors_workshops", True),
    ("Hours to answer weekly lessons", "24", "72 → 24", "series_answer_hours", 24),
    ("Days of notice to end weekly lessons", "0", "7 → 0", "series_notice_days", 0),
    ("Weekly lessons that aren't paid for", "kept", "cancelled → kept", "cancels_unpaid_lessons", False),
]


def test_every_setting_is_covered() -> None:
    assert sorted(column for *_, column, _ in CHANGES) == sorted(setting.column for setting in SETTINGS)


async def test_each_setting_is_changed_and_shown_with_its_old_value(world: Academy) -> None:
    for label, typed, said, column, value in CHANGES:
        answer = await put(world, label, typed)

        assert answer.startswith(f"✅ **{label}** {said}\n")
        assert getattr(await stored(world), column) == value, label
    entries = await fetch_all(world.db, select(AuditEntry).order_by(AuditEntry.id))
    assert [(one.action, one.actor_id, list(one.details)) for one in entries] == [
        ("settings_changed", world.admin.id, [column]) for *_, column, _ in CHANGES
    ]


async def test_the_answer_has_a_button_to_all_settings(world: Academy) -> None:
    answer = reply(await world.admin.slash(world.lobby, "coaching set", setting="Currency", value="EUR"))

    panel = await press(world.admin, answer, "All settings")

    assert "Currency: EUR" in words(panel)


async def test_setting_the_current_value_stores_nothing(world: Academy) -> None:
    await world.set_up()
    before = await rows(world)

    answer = await put(world, "Room stays after the end", "15 min")

    assert answer.startswith("**Room stays after the end** is already 15 min.")
    assert await rows(world) == before


async def test_payment_instructions_are_removed_with_none(world: Academy) -> None:
    await put(world, "Payment instructions", "By transfer.")

    answer = await put(world, "Payment instructions", "none")

    assert "By transfer. → not set" in answer
    assert not (await stored(world)).payment_instructions


@pytest.mark.parametrize("setting", ["Currency", "Nothing"])
async def test_only_admins_change_settings_or_see_values(world: Academy, setting: str) -> None:
    await world.choose(payment_instructions="Secret account")
    before = await rows(world)

    answer = await put(world, setting, "EUR", world.outsider)
    values = await suggested(world, "value", "", world.outsider, setting="Payment instructions")

    assert answer.startswith("Only admins can do this.")
    assert values == {}
    assert await rows(world) == before


INVALID = [
    ("Time zone", "Mars", 'I don\'t know the time zone "Mars".'),
    ("Currency", "XYZ", '"XYZ" isn\'t a currency. Type a three-letter code'),
    ("Payment instructions", "x" * 301, "That's 301 characters. Shorten it to 300."),
    ("Room created before the start", "soon", 'I can\'t read "soon" as a length of time.'),
    ("Room created before the start", "25 h", '"25 h" is out of range. Type 0 minutes to 1 day.'),
    ("Room created before the start", "3", "The room can't open 5 minutes before the start if it's created"),
    ("Room opens before the start", "20", "Create it earlier, or open it later."),
    ("Reminders", "24h, 4 min", "Type times from 5 minutes to 14 days before a session."),
    ("Upcoming sessions per student", "many", '"many" isn\'t a whole number from 1 to 100. Type another one.'),
    ("Upcoming sessions per student", "101", '"101" isn\'t a whole number from 1 to 100. Type another one.'),
    ("Access", "open", '"open" isn\'t one of the choices. Type "per person" or "by a role per session".'),
    ("Colour", "red", 'There\'s no setting "Colour". Pick one from the list.'),
    ("Room", "red", 'There\'s no setting "Room". Pick one from the list.'),
]


async def test_invalid_values_are_refused(world: Academy) -> None:
    for setting, value, sentence in INVALID:
        assert sentence in await put(world, setting, value)

    assert await world.count(Guild) == 0


async def test_settings_are_suggested_by_their_labels(world: Academy) -> None:
    everything = await suggested(world, "setting", "")
    some = await suggested(world, "setting", "ROOM ")

    assert list(everything) == [setting.label for setting in SETTINGS]
    assert list(some) == [
        "Room created before the start",
        "Room opens before the start",
        "Room stays after the end",
    ]


async def test_every_suggested_value_is_valid(world: Academy) -> None:
    for setting in SETTINGS:
        for value in (await suggested(world, "value", "", setting=setting.label)).values():
            setting.kind.check(setting.kind.parse(value))


async def test_the_current_value_is_suggested_first(world: Academy) -> None:
    room = await suggested(world, "value", "", setting="Room created before the start")
    access = await suggested(world, "value", "", setting="access")
    pay = await suggested(world, "value", "", setting="Payment instructions")

    assert list(room.items())[:2] == [("15 min · now", "15 minutes"), ("5 min", "5 minutes")]
    assert list(access) == ["per person · now", "by a role per session"]
    assert pay == {"not set · now": "none"}


async def test_typed_values_are_suggested_as_they_are_read(world: Academy) -> None:
    typed = await suggested(world, "value", "1h30", setting="Room created before the start")
    unreadable = await suggested(world, "value", "soon", setting="Room created before the start")
    unknown = await suggested(world, "value", "1", setting="Colour")

    assert typed == {"1 h 30 min": "1 hour 30 minutes"}
    assert unreadable == {}
    assert unknown == {}


async def test_values_too_long_for_a_suggestion_are_left_out(world: Academy) -> None:
    await world.choose(payment_instructions="x" * 101)
    too_long = await suggested(world, "value", "", setting="Payment instructions")
    await world.choose(payment_instructions="x" * 100)

    just_fits = await suggested(world, "value", "", setting="Payment instructions")

    assert too_long == {}
    assert list(just_fits.values()) == ["x" * 100]
    assert [len(name) for name in just_fits] == [100]
