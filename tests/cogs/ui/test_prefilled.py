"""Forms filled from what's stored: it all fits, and sending it again changes nothing."""

from typing import Any

from sqlalchemy import delete, insert, select, update

from cogs.setup import panel as setup_panel
from models import AvailabilityRule, Coach, Guild, Package, Review, SessionType, Specialty
from scheduler.coaches.applications import LONGEST_TEXT
from scheduler.coaches.specialties import LONGEST
from scheduler.credits.grants import LONGEST_VALIDITY, MOST_MINUTES
from scheduler.credits.packages import LONGEST_NAME
from scheduler.parsing.weekly_hours import LONGEST_PRESET_NAME, parse_hours
from scheduler.reviews.reviews import LONGEST_COMMENT
from scheduler.servers.declarations import BY_COLUMN
from scheduler.time.zone_names import zone_names
from tests.cogs.authorization.people import Stage, stage_of
from tests.cogs.authorization.rows import FORMS
from tests.support.discord_limits import form_within_limits
from tests.support.simulated import Academy, reply, words
from tests.support.steps import held

DAY = 24 * 60
LONGEST_ZONE = max(zone_names().values(), key=len)
RULES: dict[str, Any] = {
    "session_type": SessionType.VOICE,
    "durations_minutes": list(range(720, 710, -1)),
    "slot_step_minutes": 719,
    "buffer_before_minutes": 359,
    "buffer_after_minutes": 359,
    "minimum_notice_minutes": 60 * DAY - 1,
    "horizon_days": 365,
    "daily_limit": 50,
    "weekly_limit": 200,
}
GUILD: dict[str, Any] = {
    "time_zone": LONGEST_ZONE,
    "currency": "KWD",
    "payment_instructions": "W" * BY_COLUMN["payment_instructions"].kind.longest,
    "room_lead_minutes": DAY - 1,
    "access_lead_minutes": DAY - 1,
    "linger_minutes": DAY - 1,
    "no_show_grace_minutes": 119,
    "cancel_notice_minutes": 30 * DAY - 1,
    "most_upcoming": 100,
    "keep_after_departure": True,
    "reminder_minutes": [days * DAY - 1 for days in range(14, 9, -1)],
    "presets": [
        [letter * LONGEST_PRESET_NAME, number, DAY - 1] for number, letter in enumerate("VWXYZ", start=11 * 60 + 1)
    ],
    "default_policy": RULES | {"session_type": str(SessionType.VOICE)},
}
COACH: dict[str, Any] = RULES | {
    "bio": "B" * LONGEST_TEXT,
    "experience": "E" * LONGEST_TEXT,
    "portfolio": "",
    "time_zone": LONGEST_ZONE,
    "currency": "KWD",
}
PACKAGE: dict[str, Any] = {
    "name": "P" * LONGEST_NAME,
    "minutes": MOST_MINUTES,
    "price_minor": 999_999_999,
    "currency": "KWD",
    "days_valid": LONGEST_VALIDITY,
}
SPECIALTY = "S" * LONGEST
COMMENT = "C" * LONGEST_COMMENT
AS_TYPED = ",".join(f"{hour}:{minute}-{hour}:{minute + 5}" for hour in range(24) for minute in (10, 20, 30, 40))
"""Hours that take more room written out than typed."""

PREFILLED = {
    *("setup:form:{form}", "defaults:presets", "defaults:sessions", "defaults:limits"),
    *("coach:edit", "review:comment:{session_id}", "specialty:rename:{specialty}"),
    "credits:package:{package_id}:change",
    "workshop:edit:{session_id}",
    *("availability:edit:{week}:{days}", "availability:copy:{week}:{days}"),
    *("availability:rules:sessions:{week}:{days}", "availability:rules:limits:{week}:{days}"),
}
NOT_STORED = {"To these days"}
NOT_FROM_ROWS = {
    *("coach:suspend:{user_id}", "credits:package:add", "wait:new:{coach_id}:{minutes}"),
    "closure:cancel:{session_id}:{page}",
    *("series:hour:{series_id}:{occurrence}", "series:pause:{series_id}:{occurrence}"),
    *("away:cancel:{absence_id}:{session_id}:{page}", "away:cancelleft:{absence_id}"),
    *(f"workshop:{what}:{{coach_id}}:{{start}}:{{shape}}:{{cost}}:{{currency}}" for what in ("draft", "rules")),
}
"""Open with a choice that isn't stored, or with what has to be changed."""


async def filled_stage(world: Academy, rate_minor: int) -> Stage:
    """Store the longest values in every row that a form is filled from."""
    stage = await stage_of(world)
    windows = [(day, *window) for day in range(7) for window in parse_hours(AS_TYPED)]
    async with world.db.begin() as session:
        await session.execute(update(Guild).values(**GUILD))
        await session.execute(update(Coach).values(**COACH, rate_minor=rate_minor))
        await session.execute(update(Review).values(comment=COMMENT))
        await session.execute(update(Package).values(**PACKAGE))
        first = await session.scalar(select(Specialty.id).order_by(Specialty.id).limit(1))
        await session.execute(update(Specialty).where(Specialty.id == first).values(name=SPECIALTY))
        await session.execute(delete(AvailabilityRule))
        whose = {"guild_id": world.guild.id, "coach_id": world.coach.id}
        await session.execute(
            insert(AvailabilityRule),
            [whose | {"weekday": day, "start_minute": start, "end_minute": end} for day, start, end in windows],
        )
    return stage


async def stored(stage: Stage) -> list[str]:
    """List every stored value that forms show."""
    tables = ("guilds", "coaches", "coach_specialties", "specialties", "availability_rules", "reviews", "packages")
    rows = await stage.rows()
    return [
        f"{name} {number} {column} {value}"
        for name in tables
        for number, row in enumerate(sorted((one | {"id": 0} for one in rows[name]), key=repr))
        for column, value in row.items()
        if column not in ("applied_at", "updated_at")
    ]


async def test_every_form_fits_what_is_stored_and_sends_it_unchanged(world: Academy) -> None:
    stage = await filled_stage(world, rate_minor=10_000_000)
    all_rows, before = await stage.rows(), await stored(stage)
    prefilled: set[str] = set()

    for template, row in FORMS.items():
        opened = await stage.opened(template)
        assert opened.modal is not None
        form_within_limits(opened.modal)
        if not any(held(opened).values()) or template in NOT_FROM_ROWS:
            continue
        prefilled.add(template)
        empty = {name for name, value in held(opened).items() if not value}
        assert empty <= NOT_STORED, template
        typed = held(opened) | {name: row.typed[name] for name in empty}
        answer = await stage.send(row.someone_allowed, stage.custom_id(template, row), typed)
        assert not words(reply(answer)).startswith(("⚠️", "Something went wrong")), (template, words(reply(answer)))
        assert await stored(stage) == before, template
        await stage.put_back(all_rows)

    assert prefilled == PREFILLED


async def test_every_settings_form_fits_what_is_stored_and_sends_it_unchanged(world: Academy) -> None:
    stage = await filled_stage(world, rate_minor=100)
    before = await stored(stage)

    for number in range(len(setup_panel.FORMS)):
        custom_id = setup_panel.FORM.id(form=number)
        opened = await stage.press("admin", custom_id)
        assert opened.modal is not None
        form_within_limits(opened.modal)
        assert all(held(opened).values())
        answer = await stage.send("admin", custom_id, held(opened))
        assert "✅ Saved." in words(reply(answer))

    assert await stored(stage) == before


async def test_an_application_fits_its_form_and_is_sent_unchanged(world: Academy) -> None:
    stage = await filled_stage(world, rate_minor=999_999)
    before = await stored(stage)

    opened = await world.other_student.slash(world.lobby, "coach apply")
    form_within_limits(opened.modal)
    answer = await world.other_student.submit_modal(opened, held(opened))

    assert all(held(opened).values())
    assert "Thank you!" in words(reply(answer))
    assert await stored(stage) == before
