"""An academy with one of everything, and everyone who might press its controls."""

import asyncio
import functools
import re
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

import discord
from simcord.backend.serializers import channel_payload, message_payload
from simcord.interactions import base_payload, build_options, nest_options, walk_to_subcommand
from simcord.results import InteractionResult
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from bot.app import CoachBot
from bot.demo import simcord_private
from cogs.cards.charge import encode_currency
from cogs.ui import FIX, Panel, text
from cogs.workshops.draft import Draft
from models import (
    Absence,
    Base,
    BlockedFrom,
    Coach,
    CoachingSession,
    CoachStatus,
    CreditDispute,
    Guild,
    Hold,
    HoldPurpose,
    Lesson,
    Offer,
    Payment,
    PaymentMode,
    Reservation,
    Review,
    SeriesPayment,
    SessionStatus,
    Substitution,
)
from models.session import Absent
from scheduler.booking import blocks
from scheduler.core.actor import Actor
from scheduler.credits import grants, orders, packages
from scheduler.credits.packages import PackageTerms
from scheduler.payments import checkouts, starting
from scheduler.series import requests
from scheduler.series.preview import Wanted
from scheduler.workshops import seats, workshops
from scheduler.workshops.terms import Terms
from tests.cogs.authorization.rows import FORMS, PRESSES, RUNNING_SERIES, Row
from tests.support.builders import DAY, HOUR, MINUTE, MONDAY, a_session
from tests.support.series import a_series
from tests.support.simulated import Academy, reply, words
from tests.support.steps import another_coach, held
from tests.support.time_off import a_closure
from tests.support.waiting_list import a_wish

SECRETS = ("Zanzibar", "Quetzal", "Xylophon")
"""Words in a session's notes, an appeal and a pending application."""

KEPT = (text("Press me."), text("**New time zone**\nEurope/Lisbon"))
"""A message that keeps what was typed, as messages about refused forms do."""

Rows = dict[str, list[dict[str, Any]]]

_COMMAND, _PRESS, _FORM = 2, 3, 5
_BUTTON, _SELECT, _FIELD, _LABEL = 2, 3, 4, 18
_NUMBERS = {
    **dict.fromkeys(
        (
            "page",
            "position",
            "status",
            "week",
            "day",
            "number",
            "sort",
            "specialty",
            "accepting",
            "place",
            "setting",
        ),
        0,
    ),
    "days": 31,
    "first": 1,
    "last": 2,
    **dict.fromkeys(
        ("package_id", "order_id", "lot_id", "payment_id", "offer_id", "wish_id", "closure_id", "series_id"), 1
    ),
    "absence_id": 1,
    "question_id": 1,
    "role_id": 7,
    "end": 720,
    "same_instants": 1,
    "count": 5,
    "answer": 1,
    "granted": 1,
    "what": 1,
    "minutes": 60,
    "cost": 6000,
    "currency": encode_currency("USD"),
    "shape": Draft(0, MONDAY, 60, 3, 6000, "USD").numbers["shape"],
}


@dataclass
class Stage:
    """The academy, with people and sessions by name."""

    world: Academy
    people: dict[str, Any]
    elsewhere: Any
    """The outsider's own server."""
    sessions: dict[str, CoachingSession]
    messages: dict[str, Any]
    """Messages to press on, by person. Everyone else uses the admin's."""

    @property
    def open_pages(self) -> int:
        """How many pages at Stripe can be paid on."""
        assert self.world.stripe is not None
        return sum(one["status"] == "open" for one in self.world.stripe.checkouts.values())

    def custom_id(self, template: str, row: Row, **numbers: int) -> str:
        """Fill in the template for the row's session, its coach and the application."""
        about = {
            "coach_id": self.world.coach.id,
            "user_id": self.people[row.person].id,
            "guild_id": self.world.guild.id,
            "session_id": self.sessions[row.of].id,
            "start": int((self.world.now + DAY + HOUR).timestamp()) // 60,
            "until": int((self.sessions[row.of].ends_at + 15 * MINUTE).timestamp()) // 60,
            "seen": int(self.world.now.timestamp()) // 60,
        }
        filled = _NUMBERS | about | row.numbers | numbers
        return re.sub(r"\{(\w+)\}", lambda found: str(filled[found[1]]), template)

    async def press(self, who: str, custom_id: str, picked: tuple[str, ...] = ()) -> InteractionResult:
        """Press a button, or choose from a select."""
        tomorrow = str((self.world.now + DAY).date().toordinal())
        data: dict[str, Any] = {"custom_id": custom_id, "component_type": _SELECT if picked else _BUTTON}
        if picked == ("{channel}",):
            channel = self.elsewhere.channels["hall"] if who == "outsider" else self.world.review
            payload = channel_payload(self.world.env.backend, channel._channel)
            data |= {"values": [str(channel.id)], "resolved": {"channels": {str(channel.id): dict(payload)}}}
        elif picked:
            meant = {
                "{tomorrow}": tomorrow,
                "{coach}": str(self.world.coach.id),
                "{other_coach}": str(self.people["other_coach"].id),
            }
            data["values"] = [meant.get(one, one) for one in picked]
        return await self._emit(who, _PRESS, data)

    async def send(self, who: str, custom_id: str, typed: dict[str, Any]) -> InteractionResult:
        """Send a form with these values."""
        fields = [
            {"type": _LABEL, "component": {"custom_id": name} | _filled(value)} for name, value in typed.items()
        ]
        return await self._emit(who, _FORM, {"custom_id": custom_id, "components": fields})

    async def opened(self, template: str) -> Any:
        """Open a form as someone who's allowed to."""
        row = FORMS[template]
        custom_id = ("" if template in PRESSES else FIX) + self.custom_id(template, row)
        opened = await self.press(row.someone_allowed, custom_id)
        assert opened.modal is not None, (template, words(reply(opened)))
        return opened

    async def filled(self, template: str) -> dict[str, Any]:
        """Return a form's initial values with what the row types over them."""
        fields, code = held(await self.opened(template)), self.sessions["upcoming"].code
        typed = {name: code if value == "{code}" else value for name, value in FORMS[template].typed.items()}
        assert typed.keys() <= fields.keys(), template
        return fields | typed

    async def command(self, who: str, name: str, options: dict[str, Any]) -> InteractionResult:
        """Use a slash command, even one that this person's client doesn't offer."""
        named = self.people | {"{code}": self.sessions["upcoming"].code}
        given = {key: named.get(value, value) for key, value in options.items()}
        root: Any = self.world.env.backend.find_command(name.split()[0], self.world.guild.id, type=1)
        leaf, nesting = walk_to_subcommand(root, name.split()[1:])
        built, resolved = build_options(self.people[who], name, leaf, given, channel_id=self.world.lobby.id)
        data = {"id": root["id"], "name": root["name"], "type": 1, "options": nest_options(root, nesting, built)}
        return await self._emit(who, _COMMAND, data | ({"resolved": resolved} if resolved else {}))

    async def _emit(self, who: str, kind: int, data: dict[str, Any]) -> InteractionResult:
        """Send an interaction to the bot, even one that a client or the server's settings would prevent."""
        world = self.world
        backend = world.env.backend
        guild_id = {"outsider": self.elsewhere.id, "left": None}.get(who, world.guild.id)
        message = self.messages.get(who, self.messages["admin"])
        record, payload = base_payload(
            backend,
            type=kind,
            channel_id=int(message["channel_id"]),
            guild_id=guild_id,
            user_id=self.people[who].id,
            data=data,
        )
        if kind != _COMMAND:
            payload["message"] = message
            record.source_message_id = int(message["id"])
        backend.emit("INTERACTION_CREATE", payload)
        await world.env.settle()
        return InteractionResult(world.env, record)

    async def rows(self) -> Rows:
        """Return all rows of all tables except heartbeats and job runs.

        Called after each interaction, so it skips SQLAlchemy's types, which are slower.
        """
        async with self.world.db.read() as session:
            connection = await session.connection()
            found = {
                table.name: await connection.exec_driver_sql(f"SELECT * FROM {table.name}")
                for table in Base.metadata.sorted_tables
                if table.name not in ("heartbeats", "job_runs")
            }
            return {name: sorted(map(dict, rows.mappings()), key=repr) for name, rows in found.items()}

    async def put_back(self, rows: Rows) -> None:
        """Restore these rows, so that the next person finds the same academy."""
        tables = [table for table in Base.metadata.sorted_tables if table.name in rows]
        async with self.world.db.begin() as session:
            connection = await session.connection()
            guard = await self._lift_guard(connection)
            for table in reversed(tables):
                await connection.exec_driver_sql(f"DELETE FROM {table.name}")
            for table in tables:
                if kept := rows[table.name]:
                    values = ", ".join(f":{column}" for column in kept[0])
                    insertion = f"INSERT INTO {table.name} ({', '.join(kept[0])}) VALUES ({values})"
                    await connection.exec_driver_sql(insertion, kept)
            for trigger in guard:
                await connection.exec_driver_sql(trigger)

    @staticmethod
    async def _lift_guard(connection: AsyncConnection) -> list[str]:
        """Drop the triggers that keep the ledger's entries, and return what creates them."""
        theirs = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'credit_entries'"
        found = [(str(row.name), str(row.sql)) for row in await connection.exec_driver_sql(theirs)]
        for name, _ in found:
            await connection.exec_driver_sql(f"DROP TRIGGER {name}")
        return [sql for _, sql in found]


def _filled(value: Any) -> dict[str, Any]:
    return {"type": _SELECT, "values": value} if isinstance(value, list) else {"type": _FIELD, "value": value}


async def stage_of(world: Academy) -> Stage:
    """Add sessions in every state, a pending application, a suspended and blocked coach, and all people."""
    await world.already_open()
    env = world.env
    elsewhere = env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    leader = elsewhere.create_role("Leader", permissions=discord.Permissions(manage_guild=True, manage_roles=True))
    bea, sue, otto, gil = (
        world.guild.add_member(env.create_user(name.lower(), global_name=name))
        for name in ("Bea", "Sue", "Otto", "Gil")
    )
    world.guild._guild.owner_id = otto.id
    for coach in (bea, sue):
        await another_coach(world, coach)
    await world.apply(world.other_student, **{"About you": SECRETS[2]})
    sessions = await _sessions(world)
    sessions["workshop"] = await _workshop(world)
    if world.stripe is not None:
        await _payments(world)
    bot: Any = env.bot
    messages: dict[str, Any] = {}
    for who, channel in (("admin", world.lobby), ("outsider", hall), ("left", gil.user.dm_channel)):
        sending = functools.partial(bot.get_partial_messageable(channel.id).send, view=Panel(*KEPT))
        await simcord_private.as_the_bot(env, functools.partial(asyncio.ensure_future, sending()))
        sent = list(env.backend.messages[channel.id].values())[-1]
        messages[who] = deepcopy(dict(message_payload(env.backend, sent)))
    world.guild.remove_member(gil)
    admin = Actor(otto.id, is_admin=True)
    async with world.db.begin() as session:
        (await session.get_one(Coach, (world.guild.id, sue.id))).status = CoachStatus.SUSPENDED
        await blocks.block(session, world.guild.id, sue.id, admin, (BlockedFrom.BOOKING,), "", world.now)
        await _credit(session, world, admin, sessions["missed"])
        await _offer(session, world)
        await _series_request(session, world)
        sessions["lesson"] = await _weekly_lessons(session, world)
        await a_closure(session, world.now.date() + 20 * DAY, guild_id=world.guild.id, created_at=world.now)
        await _absence(session, world, sessions["away"], bea.id)
    await world.leap_to(world.now)  # so that no press sends what's due already
    people = {
        "student": world.student,
        "other_student": world.other_student,
        "coach": world.coach,
        "other_coach": bea,
        "admin": world.admin,
        "owner": otto,
        "outsider": elsewhere.add_member(env.create_user("uma", global_name="Uma"), roles=[leader]),
        "left": gil.user,
        "suspended": sue,
    }
    return Stage(world, people, elsewhere, sessions, messages)


async def _workshop(world: Academy) -> CoachingSession:
    """Announce a workshop of Cara's, in which Stu has a seat. It costs as much as an hour with her."""
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        guild.workshop_channel_id = world.review.id
        wanted = Terms("Mixing", "Bring a session.", world.now + 4 * DAY, HOUR, 3, 6000, takes_credit=True)
        made = await workshops.create(session, guild, Actor(world.coach.id), world.coach.id, wanted, world.now)
        seat = await seats.take(session, made.session_id, Actor(world.student.id), world.now)
        return seat.session


async def _sessions(world: Academy) -> dict[str, CoachingSession]:
    now = world.now
    pair: dict[str, Any] = {
        "guild_id": world.guild.id,
        "coach_id": world.coach.id,
        "student_id": world.student.id,
        "notes": SECRETS[0],
    }
    completed: dict[str, Any] = {
        "reserved": False,
        "next_step_at": None,
        "status": SessionStatus.COMPLETED,
        "access_granted_at": now - 9 * DAY,
    }
    missed = completed | {"status": SessionStatus.NO_SHOW, "absent": Absent.STUDENT}
    made: dict[str, dict[str, Any]] = {
        "running": {
            "starts_at": now - 30 * MINUTE,
            "status": SessionStatus.IN_PROGRESS,
            "next_step_at": now + 30 * MINUTE,
            "access_granted_at": now - 35 * MINUTE,
        },
        "asked": {
            "starts_at": now - 30 * MINUTE,
            "status": SessionStatus.IN_PROGRESS,
            "next_step_at": now + 30 * MINUTE,
            "reserved": False,
            "extension_asked_by": world.student.id,
            "extension_asked_at": now,
        },
        "soon": {"starts_at": now + 45 * MINUTE, "reserved": False, "next_step_at": None},
        "upcoming": {"starts_at": now + 2 * DAY + 2 * HOUR, "next_step_at": now + 2 * DAY},
        "later": {"starts_at": now + 3 * DAY + 2 * HOUR, "next_step_at": now + 3 * DAY},
        "away": {"starts_at": now + 3 * DAY + 4 * HOUR, "next_step_at": now + 3 * DAY},
        "over": completed | {"starts_at": now - 3 * DAY},
        "reviewed": completed | {"starts_at": now - 4 * DAY},
        "unknown": completed | {"starts_at": now - 5 * DAY, "missed_at": now - 5 * DAY, "access_granted_at": None},
        "missed": missed | {"starts_at": now - DAY, "appealed_at": now - HOUR, "appeal_reason": SECRETS[1]},
        "charged": completed
        | {"starts_at": now - 2 * DAY - 2 * HOUR, "credit_minutes": 60, "credit_charged_at": now - 2 * DAY},
        "unheard": missed | {"starts_at": now - 2 * DAY},
    }
    async with world.db.begin() as session:
        rows = {name: await a_session(session, **pair, **values) for name, values in made.items()}
        session.add(
            Review(
                session_id=rows["reviewed"].id,
                guild_id=world.guild.id,
                coach_id=world.coach.id,
                student_id=world.student.id,
                stars=4,
                comment="Clear.",
                created_at=now,
                updated_at=now,
            )
        )
        coach = await session.get_one(Coach, (world.guild.id, world.coach.id))
        coach.rating_total, coach.rating_count = 4, 1
    return rows


async def _credit(session: AsyncSession, world: Academy, admin: Actor, charged: CoachingSession) -> None:
    """Add a package that Sam has asked for, credit of Stu's, and a dispute."""
    guild = await session.get_one(Guild, world.guild.id)
    terms = PackageTerms("Five lessons", 300, 25000, "USD")
    package = await packages.save(session, guild, admin, terms, world.now)
    await orders.place(session, guild, Actor(world.other_student.id), package.id, world.now)
    await grants.give(session, guild, admin, world.student.id, 120, SECRETS[0], None, world.now)
    session.add(
        CreditDispute(session_id=charged.id, user_id=world.student.id, opened_at=world.now, reason=SECRETS[1])
    )


async def _absence(session: AsyncSession, world: Academy, row: CoachingSession, substitute_id: int) -> None:
    """Let Cara be away on the day of this session, and ask somebody to take it over."""
    pair = {"guild_id": world.guild.id, "coach_id": world.coach.id}
    day, until = row.starts_at.date(), world.now + DAY
    absence = Absence(first=day, last=day, created_at=world.now, **pair)
    held = Hold(
        guild_id=world.guild.id,
        coach_id=substitute_id,
        student_id=world.coach.id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        purpose=HoldPurpose.SUBSTITUTE,
        expires_at=until + 5 * MINUTE,
    )
    session.add_all([absence, held])
    await session.flush()
    time = {"starts_at": row.starts_at, "ends_at": row.ends_at}
    session.add(Reservation(user_id=substitute_id, hold_id=held.id, **time))
    session.add(
        Substitution(
            absence_id=absence.id,
            session_id=row.id,
            substitute_id=substitute_id,
            hold_id=held.id,
            starts_at=row.starts_at,
            asked_at=world.now,
            expires_at=until,
            next_step_at=until,
            **pair,
        )
    )


async def _offer(session: AsyncSession, world: Academy) -> None:
    """Offer Stu, who waits for Cara, tomorrow afternoon."""
    pair = {"guild_id": world.guild.id, "coach_id": world.coach.id}
    wish = await a_wish(session, Actor(world.student.id), **pair, now=world.now, until=world.now + 9 * DAY)
    starts_at = world.now + DAY + 6 * HOUR
    time = {"starts_at": starts_at, "ends_at": starts_at + HOUR}
    held = Hold(
        student_id=world.student.id, purpose=HoldPurpose.OFFER, expires_at=starts_at - HOUR, **pair, **time
    )
    session.add(held)
    await session.flush()
    session.add(Reservation(user_id=world.coach.id, hold_id=held.id, **time))
    session.add(
        Offer(
            user_id=world.student.id,
            wish_id=wish.id,
            hold_id=held.id,
            cost_minor=6000,
            currency="USD",
            offered_at=world.now,
            expires_at=starts_at - HOUR,
            next_step_at=starts_at - HOUR,
            **pair,
            **time,
        )
    )


async def _series_request(session: AsyncSession, world: Academy) -> None:
    """Let Ada ask Cara for weekly lessons: nothing here blocks her."""
    guild = await session.get_one(Guild, world.guild.id)
    wanted = Wanted(world.now + 4 * DAY + 6 * HOUR, 60)
    asked = Actor(world.admin.id), world.coach.id, wanted, SECRETS[0], SeriesPayment.OTHERWISE
    await requests.request(session, guild, *asked, world.now)


async def _weekly_lessons(session: AsyncSession, world: Academy) -> CoachingSession:
    """Let Stu have a lesson with Cara each week, from the day after tomorrow on. Returns the second one."""
    ids = {"guild_id": world.guild.id, "coach_id": world.coach.id, "student_id": world.student.id}
    when = {"first_day": world.now.date() + 2 * DAY, "start_minute": 15 * 60 + 30, "time_zone": "Europe/Berlin"}
    how = {"id": RUNNING_SERIES, "notes": SECRETS[0], "pays_with": SeriesPayment.CARD}
    series = await a_series(session, now=world.now, **how, **ids, **when)
    second = await session.get_one(Lesson, (series.id, 1))
    return await session.get_one(CoachingSession, second.session_id)


async def _payments(world: Academy) -> None:
    """Take cards. Stu has an open page, and has paid for another session."""
    assert world.stripe is not None
    stripe = cast("CoachBot", world.env.bot).stripe
    assert stripe is not None
    for hours in (6, 30):
        async with world.db.begin() as session:
            guild = await session.get_one(Guild, world.guild.id)
            guild.payment_mode = PaymentMode.OPTIONAL
            begun = await starting.for_session(
                session,
                guild,
                Actor(world.student.id),
                world.coach.id,
                world.now + 2 * DAY + hours * HOUR,
                HOUR,
                SECRETS[0],
                world.now,
                livemode=False,
                agreed_minor=6000,
                agreed_currency="USD",
                back_to="https://discord.com/channels/1/2",
            )
        payment = await checkouts.advance(world.db, stripe, begun.id, lambda: world.now)
    world.stripe.pay(payment.checkout_id)
    await checkouts.advance(world.db, stripe, payment.id, lambda: world.now)
    async with world.db.begin() as session:  # so that only presses ask about the open one
        await session.execute(update(Payment).values(next_check_at=None))
