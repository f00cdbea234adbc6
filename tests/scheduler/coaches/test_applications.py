"""Becoming a coach: applying, deciding, and the role that follows."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AuditEntry,
    Coach,
    CoachSpecialty,
    CoachStatus,
    Guild,
    Notification,
    NotificationKind,
    SessionType,
    Specialty,
)
from models.storage.database import Database
from scheduler.availability.booking_policy import Rules, rules_of
from scheduler.coaches import applications, coach_role
from scheduler.core import coaches
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.coaches import coach_specialties
from scheduler.core.errors import (
    AlreadyDecided,
    CoachingError,
    DiscordFailure,
    NotAllowed,
    NotFound,
    Unreachable,
    Unreadable,
)
from scheduler.servers import settings
from scheduler.servers.settings import GuildChanges
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    FakeClock,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    an_application,
    refusal,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.transactions import fetch, query, transact

CARA = Actor(COACH)
SECOND_ADMIN = Actor(9001, is_admin=True)


async def apply(session: AsyncSession, actor: Actor = CARA, now: datetime = MONDAY, **typed: Any) -> Coach:
    """Apply, with what an ordinary applicant types."""
    guild = await session.get_one(Guild, GUILD)
    return await applications.apply(session, guild, actor, an_application(**typed), now)


async def applied(db: Database, **typed: Any) -> None:
    """A server where Cara has applied."""
    await transact(db, a_guild)
    await transact(db, apply, **typed)


async def cara(db: Database) -> Coach:
    """Her row, as it is now."""
    return await fetch(db, Coach, (GUILD, COACH))


async def enqueued(db: Database) -> list[tuple[NotificationKind, int | None, int]]:
    """Kind, recipient and revision of every notification, oldest first."""
    async with db.read() as session:
        found = await session.scalars(select(Notification).order_by(Notification.id))
        return [(one.kind, one.user_id, one.revision) for one in found]


async def story(db: Database) -> Sequence[str]:
    """What the audit entries say happened."""
    async with db.read() as session:
        return (await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))).all()


# Applying.


async def test_a_new_coach_begins_with_the_servers_first_rules(db: Database) -> None:
    first = {"session_type": "voice", "durations_minutes": [45], "slot_step_minutes": 15, "daily_limit": 3}
    await transact(db, a_guild, default_policy=first)

    await transact(db, apply)

    wanted = Rules(SessionType.VOICE, (45,), slot_step_minutes=15, daily_limit=3)
    assert rules_of(await cara(db)) == wanted
    assert (await cara(db)).accepting


async def test_applying_again_keeps_the_rules_that_one_has(db: Database) -> None:
    await applied(db)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).default_policy = {"horizon_days": 7}

    await transact(db, apply, bio="I mix loudly.")

    assert rules_of(await cara(db)) == Rules()


async def test_an_application_is_kept_as_it_was_typed_and_read(db: Database) -> None:
    await transact(db, a_guild, currency="EUR")
    typed = an_application(
        bio="  I mix.\n",
        experience="Ten years: https://a.example/x and <http://b.example>",
        specialties=["Mastering", "Mixing", "Mastering"],
        rate="60,50",
        time_zone="berlin",
    )

    async with db.begin() as session:
        await applications.apply(session, await session.get_one(Guild, GUILD), CARA, typed, MONDAY)

    coach = await cara(db)
    assert (coach.status, coach.applied_at) == (CoachStatus.PENDING, MONDAY)
    assert (coach.bio, coach.rate_minor, coach.currency) == ("I mix.", 6050, "EUR")
    assert coach.portfolio == "https://a.example/x\nhttp://b.example"
    assert coach.time_zone == "Europe/Berlin"
    assert await query(db, coach_specialties, GUILD, COACH) == ["Mixing", "Mastering"]


async def test_an_application_owes_the_admins_a_card(db: Database) -> None:
    await applied(db)

    assert await enqueued(db) == [(NotificationKind.APPLICATION_CARD, None, 1)]
    assert await story(db) == ["application_made"]


async def test_editing_a_pending_application_renews_the_same_card(db: Database) -> None:
    await applied(db, specialties=["Mixing"])

    await transact(db, apply, now=MONDAY + HOUR, bio="I master.", specialties=["Mastering"])

    coach = await cara(db)
    assert (coach.bio, coach.status) == ("I master.", CoachStatus.PENDING)
    assert await enqueued(db) == [(NotificationKind.APPLICATION_CARD, None, 2)]
    assert await story(db) == ["application_made", "application_edited"]
    assert await query(db, coach_specialties, GUILD, COACH) == ["Mastering"]


async def test_after_a_rejection_one_may_apply_again_with_a_new_card(db: Database) -> None:
    await applied(db)
    await transact(db, applications.reject, GUILD, COACH, ADMIN, "Too short.", MONDAY)

    await transact(db, apply, now=MONDAY + DAY, bio="A longer text.")

    coach = await cara(db)
    assert (coach.status, coach.applied_at, coach.bio) == (CoachStatus.PENDING, MONDAY + DAY, "A longer text.")
    assert (coach.decided_by, coach.decided_at, coach.decision_reason) == (None, None, None)
    assert [kind for kind, _, _ in await enqueued(db)] == [
        NotificationKind.APPLICATION_CARD,
        NotificationKind.APPLICATION_REJECTED,
        NotificationKind.APPLICATION_CARD,
    ]


async def test_a_decision_after_the_second_application_renews_the_second_card(db: Database) -> None:
    await applied(db)
    await transact(db, applications.reject, GUILD, COACH, ADMIN, "Too short.", MONDAY)
    await transact(db, apply)

    await transact(db, applications.approve, GUILD, COACH, ADMIN, MONDAY)

    cards = [revision for kind, _, revision in await enqueued(db) if kind is NotificationKind.APPLICATION_CARD]
    assert cards == [2, 2]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (CoachStatus.APPROVED, "You already coach here. Set your hours with `/availability`."),
        (CoachStatus.SUSPENDED, "You're suspended from coaching here. Talk to an admin of this server."),
    ],
)
async def test_coaches_cannot_apply_whether_they_coach_or_are_suspended(
    db: Database, status: CoachStatus, sentence: str
) -> None:
    await transact(db, a_guild)
    await transact(db, a_coach, status=status)

    refused = await refusal(db, NotAllowed, apply)

    assert str(refused) == sentence


async def test_being_a_coach_in_one_server_is_nothing_in_another(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"id": GUILD + 1}, guild_id=GUILD + 1)

    await applied(db)

    assert (await cara(db)).status is CoachStatus.PENDING


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"bio": "  "}, "About you is empty. Write a few words."),
        ({"bio": "x" * 1001}, "About you is 1,001 characters long. Shorten it to 1,000."),
        ({"experience": ""}, "Experience and links is empty. Write a few words."),
        ({"specialties": []}, "Choose at least one specialty, so that students can find you."),
        (
            {"specialties": ["Mixing", "Yodelling"]},
            '"Yodelling" is no longer taught here. Choose from the list again.',
        ),
        ({"rate": "much"}, '"much" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        (
            {"time_zone": "Narnia"},
            'I don\'t know the time zone "Narnia". Type one like Europe/Berlin or UTC, or a city like Munich.',
        ),
    ],
    ids=["no text", "long text", "no experience", "no specialty", "unknown specialty", "rate", "zone"],
)
async def test_what_cannot_be_read_is_refused_and_an_earlier_application_stands(
    db: Database, typed: dict[str, Any], sentence: str
) -> None:
    await applied(db)

    refused = await refusal(db, Unreadable, partial(apply, **typed))

    assert str(refused) == sentence


async def test_a_double_click_on_send_is_one_application(db: Database) -> None:
    await transact(db, a_guild)

    async def send() -> None:
        await transact(db, apply)

    await asyncio.gather(*(send() for _ in range(5)))

    assert (await cara(db)).status is CoachStatus.PENDING
    assert await enqueued(db) == [(NotificationKind.APPLICATION_CARD, None, 5)]


# Deciding.


async def test_approving_makes_a_coach_and_owes_the_role_and_the_news(db: Database) -> None:
    await applied(db)

    await transact(db, applications.approve, GUILD, COACH, ADMIN, MONDAY + HOUR)

    coach = await cara(db)
    assert (coach.status, coach.decided_by, coach.decided_at) == (
        CoachStatus.APPROVED,
        ADMIN.user_id,
        MONDAY + HOUR,
    )
    assert coach.role_due_at == MONDAY + HOUR
    assert await enqueued(db) == [
        (NotificationKind.APPLICATION_CARD, None, 2),
        (NotificationKind.APPLICATION_APPROVED, COACH, 1),
    ]
    assert await story(db) == ["application_made", "application_approved"]


async def test_rejecting_keeps_the_reason_and_owes_no_role(db: Database) -> None:
    await applied(db)

    await transact(db, applications.reject, GUILD, COACH, ADMIN, "  Too short. ", MONDAY + HOUR)

    coach = await cara(db)
    assert (coach.status, coach.decision_reason, coach.role_due_at) == (CoachStatus.REJECTED, "Too short.", None)
    assert await enqueued(db) == [
        (NotificationKind.APPLICATION_CARD, None, 2),
        (NotificationKind.APPLICATION_REJECTED, COACH, 1),
    ]


async def test_a_rejection_needs_a_reason(db: Database) -> None:
    await applied(db)

    refused = await refusal(db, Unreadable, lambda s: applications.reject(s, GUILD, COACH, ADMIN, " ", MONDAY))

    assert str(refused) == "The reason is empty. Write a few words."


async def test_only_admins_decide_and_see_the_queue(db: Database) -> None:
    await applied(db)

    refusals = [
        await refusal(db, NotAllowed, lambda s: applications.approve(s, GUILD, COACH, CARA, MONDAY)),
        await refusal(db, NotAllowed, lambda s: applications.reject(s, GUILD, COACH, CARA, "No.", MONDAY)),
        await refusal(db, NotAllowed, lambda s: applications.queue(s, GUILD, CARA)),
    ]

    assert {str(one) for one in refusals} == {"Only admins can do this. Ask someone with Manage Server."}


async def test_who_has_not_applied_here_cannot_be_decided_on(db: Database) -> None:
    await applied(db)

    stranger = await refusal(db, NotFound, lambda s: applications.approve(s, GUILD, 5, ADMIN, MONDAY))
    elsewhere = await refusal(db, NotFound, lambda s: applications.approve(s, GUILD + 1, COACH, ADMIN, MONDAY))

    assert str(stranger) == str(elsewhere) == "They haven't applied. Ask them to use `/coach apply`."


async def test_a_second_decision_is_refused_and_told_who_was_first(db: Database) -> None:
    await applied(db)
    await transact(db, applications.reject, GUILD, COACH, ADMIN, "Too short.", MONDAY)

    refused = await refusal(
        db, AlreadyDecided, lambda s: applications.approve(s, GUILD, COACH, SECOND_ADMIN, MONDAY + HOUR)
    )

    assert str(refused) == (
        f"This application was already rejected by <@{ADMIN.user_id}> {stamp(MONDAY, 'R')}. Nothing was changed."
    )


async def test_of_admins_who_decide_at_once_one_decides_and_the_others_are_told_who(db: Database) -> None:
    await applied(db)

    async def decide(admin: Actor) -> CoachingError | Actor:
        try:
            async with db.begin() as session:
                if admin.user_id % 2:
                    await applications.approve(session, GUILD, COACH, admin, MONDAY)
                else:
                    await applications.reject(session, GUILD, COACH, admin, "Too short.", MONDAY)
        except CoachingError as refused:
            return refused
        return admin

    outcomes = await asyncio.gather(*(decide(Actor(9000 + n, is_admin=True)) for n in range(10)))

    (winner,) = [one for one in outcomes if isinstance(one, Actor)]
    losers = [one for one in outcomes if isinstance(one, AlreadyDecided)]
    coach = await cara(db)
    assert coach.decided_by == winner.user_id
    assert coach.status is (CoachStatus.APPROVED if winner.user_id % 2 else CoachStatus.REJECTED)
    assert len(losers) == 9
    assert all(f"by <@{winner.user_id}>" in str(one) for one in losers)
    assert len(await enqueued(db)) == 2


async def test_an_edit_that_meets_an_approval_does_not_undo_it(db: Database) -> None:
    await applied(db)

    async def edit() -> None:
        await transact(db, apply, bio="I master.")

    async def approve() -> None:
        await transact(db, applications.approve, GUILD, COACH, ADMIN, MONDAY)

    outcomes = await asyncio.gather(edit(), approve(), return_exceptions=True)

    coach = await cara(db)
    assert coach.status is CoachStatus.APPROVED
    assert (coach.bio == "I master.") == (outcomes[0] is None)
    assert outcomes[0] is None or isinstance(outcomes[0], NotAllowed)


async def test_the_queue_shows_this_servers_open_applications_oldest_first(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_guild(session, id=GUILD + 1)
        for user_id, status, hours in [
            (1, "PENDING", 2),
            (2, "PENDING", 1),
            (3, "APPROVED", 0),
            (4, "REJECTED", 0),
        ]:
            await a_coach(
                session, user_id=user_id, status=CoachStatus(status), applied_at=MONDAY + hours * HOUR, hours=()
            )
        await a_coach(session, guild_id=GUILD + 1, user_id=5, status=CoachStatus.PENDING)

    waiting = await query(db, applications.queue, GUILD, ADMIN)

    assert [one.user_id for one in waiting] == [2, 1]


NO_SUCH_COACH = "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."


@pytest.mark.parametrize(
    ("status", "to_themselves"),
    [
        (
            CoachStatus.PENDING,
            "Your application hasn't been approved yet. An admin decides with `/coach approve`.",
        ),
        (CoachStatus.SUSPENDED, "You're suspended from coaching here. Talk to an admin of this server."),
        (CoachStatus.REJECTED, NO_SUCH_COACH),
        (None, NO_SUCH_COACH),
    ],
)
async def test_only_those_whom_it_concerns_learn_why_they_do_not_coach_here(
    db: Database, status: CoachStatus | None, to_themselves: str
) -> None:
    await transact(db, a_guild)
    if status is not None:
        await transact(db, a_coach, status=status)

    own = await refusal(db, NotFound, lambda s: coaches.approved_coach(s, GUILD, COACH, own=True))
    others = await refusal(db, NotFound, lambda s: coaches.approved_coach(s, GUILD, COACH))

    assert (str(own), str(others)) == (to_themselves, NO_SUCH_COACH)


# The role.


async def coach_with_role_due(db: Database, **changed: Any) -> None:
    """A server with an approved coach who has to get the role now."""
    await a_server_with_a_coach(db, role_due_at=MONDAY, **changed)


async def test_a_due_role_is_given_once(db: Database) -> None:
    await coach_with_role_due(db)
    discord, clock = FakeDiscord(), FakeClock()

    first = await coach_role.sync_roles(db, discord, clock)
    second = await coach_role.sync_roles(db, discord, clock)

    assert (first, second) == ((1, 0), (0, 0))
    assert discord.calls == [Call("set_role", str(COACH), wanted=True, role_id=77)]
    assert (await cara(db)).role_due_at is None


async def test_a_role_that_is_not_due_yet_waits(db: Database) -> None:
    await coach_with_role_due(db)
    discord = FakeDiscord()

    outcome = await coach_role.sync_roles(db, discord, FakeClock(MONDAY - HOUR))

    assert (outcome, discord.calls) == ((0, 0), [])


async def test_who_is_no_coach_any_more_loses_the_role(db: Database) -> None:
    await coach_with_role_due(db, status=CoachStatus.SUSPENDED)
    discord = FakeDiscord()

    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.calls == [Call("set_role", str(COACH), wanted=False, role_id=77)]


async def test_a_role_that_cannot_be_given_is_tried_again_with_growing_pauses(db: Database) -> None:
    await coach_with_role_due(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("set_role", DiscordFailure("The bot's role is too low."))

    pauses = []
    for _ in range(8):
        assert await coach_role.sync_roles(db, discord, clock) == (0, 1)
        due_at = (await cara(db)).role_due_at
        assert due_at is not None
        pauses.append(int((due_at - clock()).total_seconds()))
        clock.now = due_at
    failing = await cara(db)
    discord.heal()
    healed = await coach_role.sync_roles(db, discord, clock)

    least = [15, 30, 60, 120, 240, 480, 600, 600]
    assert all(at_least <= pause <= at_least * 1.2 for pause, at_least in zip(pauses, least, strict=True))
    assert (failing.role_attempts, failing.role_error) == (8, "The bot's role is too low.")
    coach = await cara(db)
    assert healed == (1, 0)
    assert (coach.role_due_at, coach.role_attempts, coach.role_error) == (None, 0, None)


async def test_a_role_for_somebody_who_left_is_given_up(db: Database) -> None:
    await coach_with_role_due(db)
    discord = FakeDiscord()
    discord.fail("set_role", Unreachable("They have left the server."))

    outcome = await coach_role.sync_roles(db, discord, FakeClock())

    coach = await cara(db)
    assert outcome == (0, 0)
    assert (coach.role_due_at, coach.role_error) == (None, "They have left the server.")


async def test_a_server_without_a_coach_role_asks_nothing_of_discord(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"coach_role_id": None}, role_due_at=MONDAY)
    discord = FakeDiscord()

    outcome = await coach_role.sync_roles(db, discord, FakeClock())

    assert (outcome, discord.calls) == ((0, 0), [])
    assert (await cara(db)).role_due_at is None


async def two_coaches_with_roles_due(db: Database) -> None:
    await coach_with_role_due(db)
    await transact(db, a_coach, user_id=COACH + 1, role_due_at=MONDAY, hours=())


@pytest.mark.parametrize("failure", [DiscordFailure("no"), RuntimeError("a bug")], ids=["Discord's", "our own"])
async def test_a_role_that_fails_keeps_no_other_waiting(db: Database, failure: Exception) -> None:
    await two_coaches_with_roles_due(db)
    discord = FakeDiscord()
    discord.fail("set_role", failure, about=str(COACH))

    outcome = await coach_role.sync_roles(db, discord, FakeClock())

    assert outcome == (1, 1)
    assert sorted(discord.asked("set_role")) == [str(COACH), str(COACH + 1)]


async def test_who_is_suspended_while_the_role_is_being_given_loses_it_again(db: Database) -> None:
    await coach_with_role_due(db)
    discord, clock = FakeDiscord(), FakeClock()

    async def suspend(call: Call) -> None:
        if call.wanted:
            async with db.begin() as session:
                coach = await session.get_one(Coach, (GUILD, COACH))
                coach.status, coach.role_due_at = CoachStatus.SUSPENDED, clock()

    discord.meanwhile("set_role", suspend)

    await coach_role.sync_roles(db, discord, clock)
    await coach_role.sync_roles(db, discord, clock)

    assert [call.wanted for call in discord.calls] == [True, False]
    assert (await cara(db)).role_due_at is None


async def test_a_role_that_an_admin_chooses_while_another_is_being_given_takes_its_place(db: Database) -> None:
    await coach_with_role_due(db)
    discord, clock = FakeDiscord(), FakeClock()

    async def choose_another(call: Call) -> None:
        if call.role_id == 77:
            clock.forward(MINUTE)
            async with db.begin() as session:
                guild = await session.get_one(Guild, GUILD)
                await settings.change(session, guild, ADMIN, GuildChanges(coach_role_id=78), clock())

    discord.meanwhile("set_role", choose_another)

    await coach_role.sync_roles(db, discord, clock)
    await coach_role.sync_roles(db, discord, clock)

    assert [(call.role_id, call.wanted) for call in discord.calls] == [(77, True), (78, True), (77, False)]


async def test_specialties_are_the_servers_own(db: Database) -> None:
    await transact(db, a_guild)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        session.add(Specialty(guild_id=GUILD + 1, name="Yodelling"))

    await refusal(db, Unreadable, partial(apply, specialties=["Yodelling"]))

    async with db.read() as session:
        assert (await session.scalars(select(CoachSpecialty))).all() == []
