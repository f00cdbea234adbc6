"""The demo's academy: its people, what they've done so far and their upcoming sessions."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import discord
import simcord
from simcord.builders import ChannelHandle, GuildHandle
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo import simcord_private
from models import CoachingSession, Guild, PaymentMode, SeriesPayment
from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.booking import booking, cancellation
from scheduler.coaches import applications
from scheduler.coaches.applications import Application
from scheduler.core.actor import Actor
from scheduler.credits import charges, packages
from scheduler.credits.packages import PackageTerms
from scheduler.parsing.weekly_hours import parse_days, parse_hours
from scheduler.payments import overview
from scheduler.reviews import reviews
from scheduler.series import answers, requests
from scheduler.series.preview import Wanted
from scheduler.servers import settings as server_settings
from scheduler.servers.settings import GuildChanges, GuildDefaults
from scheduler.time_off import absences, closures
from scheduler.waiting_list import rules, wishes
from scheduler.workshops import seats, workshops
from scheduler.workshops.terms import Terms

ZONE = "Europe/Berlin"
LANGUAGE = "en-US"
"""In which its people use Discord. simcord knows no other."""
DEFAULTS = GuildDefaults(time_zone=ZONE, currency="EUR")
OPENS = dt.datetime(2026, 2, 26, 8, tzinfo=dt.UTC)
"""When the academy's story begins: a Thursday, 09:00 in Berlin."""
BEGINS = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
"""When the visitor arrives: the Monday after."""
_HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone the visitor can be."""

    key: str
    name: str
    part: str
    member: Any


@dataclass(frozen=True, slots=True)
class Academy:
    """The server and its people."""

    guild: GuildHandle
    people: dict[str, Person]
    others: dict[str, Any]
    lobby: ChannelHandle
    review: ChannelHandle
    workshops: ChannelHandle
    category: ChannelHandle
    coach_role_id: int


_PARTS = (
    ("student", "Stu", "student"),
    ("student2", "Sam", "second student"),
    ("coach", "Cara", "coach"),
    ("coach2", "Ben", "second coach"),
    ("admin", "Ada", "admin"),
    ("outsider", "Olaf", "outsider"),
)
_COACHES = {
    "ben": Application(
        display_name="Ben",
        bio="I make small rooms sound big. Mixing and mastering for bands and singers, one song at a time.",
        experience="Twelve years at the desk, about four hundred songs. https://example.org/ben",
        specialties=("Mixing", "Mastering"),
        rate="55",
        time_zone=ZONE,
    ),
    "nora": Application(
        display_name="Nora",
        bio="Singing without tension: breath, range, microphone technique.",
        experience="Trained in Leipzig, on stage since 2009.",
        specialties=("Vocals", "Music theory"),
        rate="48",
        time_zone=ZONE,
    ),
    "theo": Application(
        display_name="Theo",
        bio="From the first loop to a finished track. Bring whatever you have.",
        experience="Producer for film and games. https://example.org/theo",
        specialties=("Music production", "Sound design"),
        rate="70",
        time_zone="Europe/London",
    ),
    "vera": Application(
        display_name="Vera",
        bio="Guitar parts that serve the song. I'm on tour this spring, so I coach whenever we stop in Berlin.",
        experience="Session and stage guitarist since 2011.",
        specialties=("Guitar", "Music theory"),
        rate="65",
        time_zone=ZONE,
    ),
}
_HOURS = {
    "ben": (("Mon-Fri", "10-13, 15-19"),),
    "nora": (("Mon, Wed", "9-12"), ("Thu", "14-20")),
    "theo": (("Tue-Fri", "17-21"), ("Sat", "10-14")),
}
_VERAS_DAY, _VERAS_HOUR = dt.date(2026, 3, 6), "16-17"
"""The only time at which Vera coaches. Sam has booked it."""
CARA = Application(
    display_name="Cara",
    bio="I help songwriters finish songs: structure, lyrics, the second verse that never comes.",
    experience="Two albums of my own; I've written songs for others since 2015. https://example.org/cara",
    specialties=("Songwriting", "Piano"),
    rate="60",
    time_zone=ZONE,
)


def build(env: simcord.Env) -> Academy:
    """Create the server with its channels, roles and people. Their ids are the same at each start."""
    guild = env.create_guild("Riverside Music Academy")
    simcord_private.rename_bot(env, guild, "Coaching")
    admin_role = guild.create_role(
        "Admin", permissions=discord.Permissions(manage_guild=True, manage_roles=True), position=5
    )
    coach_role = guild.create_role("Coach", color=0x57D08A, position=1)
    hidden = discord.PermissionOverwrite(view_channel=False)
    shown = discord.PermissionOverwrite(view_channel=True, read_message_history=True, send_messages=True)
    lobby = guild.create_text_channel("lobby", topic="Type /book to book a coach")
    bot_user = env.bot.user
    assert bot_user is not None, "the world has started"
    review = guild.create_text_channel(
        "coach-applications",
        overwrites={guild.default_role: hidden, admin_role: shown, bot_user: shown},
        topic="Only admins see this",
    )
    category = guild.create_category("Coaching rooms")

    def join(name: str, *roles: Any) -> Any:
        return guild.add_member(env.create_user(name.lower(), global_name=name), roles=roles)

    people = {
        key: Person(key, name, part, join(name, *([admin_role] if key == "admin" else [])))
        for key, name, part in _PARTS
    }
    others = {name: join(name.capitalize()) for name in ("nora", "theo", "vera")}
    # Made last, so that the ids of what kept databases know stay the same.
    posted = guild.create_text_channel("workshops", topic="Take a seat below what you'd like to learn")
    return Academy(guild, people, others, lobby, review, posted, category, coach_role.id)


_SESSIONS = (
    # student, coach, start (UTC), notes
    ("sam", "ben", dt.datetime(2026, 2, 27, 10, tzinfo=dt.UTC), "Are my guitars too wide?"),
    ("stu", "ben", dt.datetime(2026, 2, 27, 14, tzinfo=dt.UTC), "First mix of the single."),
    ("sam", "theo", dt.datetime(2026, 2, 28, 11, tzinfo=dt.UTC), None),
    ("sam", "ben", dt.datetime(2026, 3, 3, 10, tzinfo=dt.UTC), "The snare in the chorus drives me mad."),
    ("stu", "ben", dt.datetime(2026, 3, 3, 15, tzinfo=dt.UTC), "Second mix of the single."),
    ("sam", "nora", dt.datetime(2026, 3, 4, 9, tzinfo=dt.UTC), "High notes, please."),
    ("sam", "vera", dt.datetime(2026, 3, 6, 15, tzinfo=dt.UTC), "A riff for the bridge."),
    ("nora", "theo", dt.datetime(2026, 3, 7, 11, tzinfo=dt.UTC), "My first own track."),
)
_PACKAGE = PackageTerms("Five hours", 300, 250_00, "EUR")
"""What Stu has bought. All his sessions with Ben are booked with it."""
_INSTRUCTIONS = "In cash, at the academy."
"""How people pay who don't pay by card."""
_CALLED_OFF = dt.datetime(2026, 2, 26, 16, tzinfo=dt.UTC)
"""When Stu would have met Ben, had he not cancelled."""
_FRIDAYS, _SATURDAYS = rules.weekdays([4]), rules.weekdays([5])
_WISHES = (
    # coach, days, hours, until (UTC); all of them Sam's. Nora cancels the session with Theo that he waits for.
    ("theo", _SATURDAYS, (12 * 60, 13 * 60), dt.datetime(2026, 3, 7, 23, tzinfo=dt.UTC)),
    ("nora", _FRIDAYS, (18 * 60, 21 * 60), dt.datetime(2026, 3, 27, 23, tzinfo=dt.UTC)),
)
_WORKSHOP = Terms(
    title="Mix your song in 90 minutes",
    description="Bring the stems of one song. We set levels, clear the low end and make room for the voice.",
    starts_at=dt.datetime(2026, 3, 4, 17, tzinfo=dt.UTC),
    duration=dt.timedelta(minutes=90),
    seats=6,
    price_minor=20_00,
    least=3,
)
"""Ben's workshop."""
_WEEKLY = Wanted(dt.datetime(2026, 3, 5, 15, tzinfo=dt.UTC), 60)
"""Theo's lessons with Ben, every Thursday."""
_SPRING_BREAK = dt.date(2026, 4, 3), dt.date(2026, 4, 12)
"""When the academy is closed, further ahead than anybody can book when the visitor arrives."""
_NORAS_TOUR = dt.date(2026, 3, 16), dt.date(2026, 3, 20)
"""When Nora is away."""
_TAKE_PART = ("nora", "theo", "vera")
"""Who has a seat in it when the visitor arrives."""
NORA_CANCELS = dt.datetime(2026, 3, 2, 7, 30, tzinfo=dt.UTC)
_REVIEWS = (
    # student, coach of their first session, stars, comment; Stu hasn't reviewed anything yet
    ("sam", "ben", 4, "He heard in a minute what I'd missed for weeks."),
    ("sam", "theo", 5, "I came with a loop and left with a track."),
)


async def open_the_academy(db: Database, world: Academy, now: dt.datetime) -> None:
    """Store the settings, coaches, a package, wishes, lessons, a workshop, and sessions around the arrival."""
    admin = Actor(world.people["admin"].member.id, is_admin=True)
    ids = _ids(world)
    settings = GuildChanges(
        coach_role_id=world.coach_role_id,
        review_channel_id=world.review.id,
        room_category_id=world.category.id,
        workshop_channel_id=world.workshops.id,
        payment_instructions=_INSTRUCTIONS,
    )
    async with db.begin() as session:
        guild = await server_settings.ensure(session, world.guild.id, DEFAULTS, now)
        await server_settings.change(session, guild, admin, settings, now)
        await overview.set_mode(session, guild, admin, PaymentMode.OPTIONAL, now)
        for name, application in _COACHES.items():
            coach = Actor(ids[name])
            await applications.apply(session, guild, coach, application, now)
            await applications.approve(session, guild.id, coach.user_id, admin, now)
            for days, hours in _HOURS.get(name, ()):
                await schedule.set_hours(session, guild.id, coach, parse_days(days), parse_hours(hours), now)
        hour = parse_hours(_VERAS_HOUR)
        await schedule.add_extra_hours(session, guild.id, Actor(ids["vera"]), _VERAS_DAY, hour, now)
        await _sell_a_package(session, guild, admin, ids, now)
        for student, coach_name, start, notes in _SESSIONS:
            book = charges.book if (student, coach_name) == ("stu", "ben") else booking.book
            await book(session, guild, Actor(ids[student]), ids[coach_name], start, _HOUR, notes, now)
        for coach_name, days, hours, until in _WISHES:
            wanted = rules.Wanted(days, *hours, until)
            await wishes.add(session, guild, Actor(ids["sam"]), ids[coach_name], 60, wanted, now)
        pays = SeriesPayment.OTHERWISE
        theo, ben = Actor(ids["theo"]), Actor(ids["ben"])
        weekly = await requests.request(session, guild, theo, ben.user_id, _WEEKLY, "My live set.", pays, now)
        await answers.accept(session, weekly.id, ben, now)
        made = await workshops.create(session, guild, Actor(ids["ben"]), ids["ben"], _WORKSHOP, now)
        await closures.close(session, guild, admin, *_SPRING_BREAK, "Spring break", now)
        await absences.go_away(session, guild.id, Actor(ids["nora"]), *_NORAS_TOUR, "On tour with my choir.", now)
    for name in _TAKE_PART:
        async with db.begin() as session:
            await seats.take(session, made.session_id, Actor(ids[name]), now)


async def _sell_a_package(
    session: AsyncSession, guild: Guild, admin: Actor, ids: dict[str, int], now: dt.datetime
) -> None:
    """Offer a package, sell it to Stu, and let him book a session with it and cancel it in time."""
    stu = Actor(ids["stu"])
    package = await packages.save(session, guild, admin, _PACKAGE, now)
    await packages.give(session, guild, package, stu.user_id, now, actor=admin)
    one = await charges.book(session, guild, stu, ids["ben"], _CALLED_OFF, _HOUR, None, now)
    await cancellation.cancel(session, one.id, stu, guild.id, "The band is on the road today.", now)


async def nora_cancels(db: Database, world: Academy, now: dt.datetime) -> None:
    """Cancel Nora's session with Theo, whose time is then offered to Sam."""
    ids = _ids(world)
    theirs = CoachingSession.has_participant(ids["nora"]), CoachingSession.coach_id == ids["theo"]
    async with db.begin() as session:
        one = (await session.scalars(select(CoachingSession.id).where(*theirs))).one()
        await cancellation.cancel(session, one, Actor(ids["nora"]), world.guild.id, "I've lost my voice.", now)


async def review_the_past(db: Database, world: Academy) -> None:
    """Store the reviews, written an hour after each session. The sessions must be completed by now."""
    ids = _ids(world)
    async with db.begin() as session:
        for student, coach, stars, sentence in _REVIEWS:
            together = select(CoachingSession).where(
                CoachingSession.has_participant(ids[student]), CoachingSession.coach_id == ids[coach]
            )
            first = (await session.scalars(together.order_by(CoachingSession.starts_at).limit(1))).one()
            actor, at = Actor(ids[student]), first.ends_at + dt.timedelta(hours=1)
            await reviews.review(session, first.id, actor, stars, at)
            await reviews.comment(session, first.id, actor, sentence, at)


async def chat(world: Academy) -> None:
    """Post a few messages in the lobby, so that it isn't empty."""
    for key, words in (
        ("admin", "Welcome to the academy! Type /book to see who coaches and when."),
        ("student2", "Had my first session with Theo on Saturday. Worth every cent."),
        ("coach2", "My hours for this week are in. Bring your stems!"),
    ):
        await world.people[key].member.send(world.lobby, words)


async def cara_applies(db: Database, world: Academy, now: dt.datetime) -> None:
    """Store the one open application that the visitor finds."""
    async with db.begin() as session:
        guild = await server_settings.ensure(session, world.guild.id, DEFAULTS, now)
        await applications.apply(session, guild, Actor(world.people["coach"].member.id), CARA, now)


def _ids(world: Academy) -> dict[str, int]:
    """Map lower-case names to ids."""
    ids = {person.name.lower(): person.member.id for person in world.people.values()}
    return ids | {name: member.id for name, member in world.others.items()}
