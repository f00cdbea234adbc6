"""Becoming a coach: applying, and admins' decisions."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, BlockedFrom, Coach, CoachStatus, Guild, NotificationKind, SessionType, Specialty
from models.storage.database import Database
from scheduler.availability.booking_policy import Rules, rules_of
from scheduler.booking import blocks
from scheduler.coaches import applications
from scheduler.core import coaches
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.coaches import coach_specialties
from scheduler.core.errors import (
    AlreadyDecided,
    Blocked,
    CoachingError,
    NotAllowed,
    NotFound,
    Unreadable,
    WrongFields,
)
from tests.support import stored
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    an_application,
    refusal,
)
from tests.support.transactions import fetch, fetch_all, query, transact

CARA = Actor(COACH)
SECOND_ADMIN = Actor(9001, is_admin=True)
ADMINS_ONLY = "Only admins can do this. Ask someone with Manage Server."
NO_SUCH_COACH = "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."
SUSPENDED = "You're suspended from coaching here. Talk to an admin of this server."


async def apply(session: AsyncSession, actor: Actor = CARA, now: datetime = MONDAY, **typed: Any) -> Coach:
    """Apply with ordinary answers, except for what was `typed`."""
    guild = await session.get_one(Guild, GUILD)
    return await applications.apply(session, guild, actor, an_application(**typed), now)


async def applied(db: Database, **typed: Any) -> None:
    """Create a server where Cara has applied."""
    await transact(db, a_guild)
    await transact(db, apply, **typed)


async def approve(db: Database, actor: Actor = ADMIN, now: datetime = MONDAY) -> None:
    await transact(db, applications.approve, GUILD, COACH, actor, now)


async def reject(db: Database, reason: str = "Too short.", actor: Actor = ADMIN, now: datetime = MONDAY) -> None:
    await transact(db, applications.reject, GUILD, COACH, actor, reason, now)


async def cara(db: Database) -> Coach:
    return await fetch(db, Coach, (GUILD, COACH))


async def enqueued(db: Database) -> list[tuple[NotificationKind, int | None, int]]:
    """Return kind, recipient and revision of every notification, oldest first."""
    return [(one.kind, one.user_id, one.revision) for one in await stored.notifications(db)]


async def actions(db: Database) -> list[str]:
    return await fetch_all(db, select(AuditEntry.action).order_by(AuditEntry.id))


# Applying.


async def test_a_new_coach_starts_with_the_servers_default_rules(db: Database) -> None:
    default = {"session_type": "voice", "durations_minutes": [45], "slot_step_minutes": 15, "daily_limit": 3}
    await transact(db, a_guild, default_policy=default)

    await transact(db, apply)

    wanted = Rules(SessionType.VOICE, (45,), slot_step_minutes=15, daily_limit=3)
    assert (rules_of(await cara(db)), (await cara(db)).accepting) == (wanted, True)


async def test_editing_an_application_keeps_the_coachs_rules(db: Database) -> None:
    await applied(db)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).default_policy = {"horizon_days": 7}

    await transact(db, apply, bio="I mix loudly.")

    assert rules_of(await cara(db)) == Rules()


async def test_an_application_is_stored_parsed(db: Database) -> None:
    await transact(db, a_guild, currency="EUR")

    await transact(
        db,
        apply,
        bio="  I mix.\n",
        experience="Ten years: https://a.example/x and <http://b.example>",
        specialties=["Mastering", "Mixing", "Mastering"],
        rate="60,50",
        time_zone="berlin",
    )

    coach = await cara(db)
    assert (coach.status, coach.applied_at) == (CoachStatus.PENDING, MONDAY)
    assert (coach.bio, coach.rate_minor, coach.currency) == ("I mix.", 6050, "EUR")
    assert coach.portfolio == "https://a.example/x\nhttp://b.example"
    assert coach.time_zone == "Europe/Berlin"
    assert await query(db, coach_specialties, GUILD, COACH) == ["Mixing", "Mastering"]
    assert await enqueued(db) == [(NotificationKind.APPLICATION_CARD, None, 1)]
    assert await actions(db) == ["application_made"]


async def test_editing_an_open_application_updates_its_card(db: Database) -> None:
    await applied(db, specialties=["Mixing"])

    await transact(db, apply, now=MONDAY + HOUR, bio="I master.", specialties=["Mastering"])

    coach = await cara(db)
    assert (coach.bio, coach.status) == ("I master.", CoachStatus.PENDING)
    assert await enqueued(db) == [(NotificationKind.APPLICATION_CARD, None, 2)]
    assert await actions(db) == ["application_made", "application_edited"]
    assert await query(db, coach_specialties, GUILD, COACH) == ["Mastering"]


async def test_applying_again_after_a_rejection_sends_a_new_card(db: Database) -> None:
    await applied(db)
    await reject(db)

    await transact(db, apply, now=MONDAY + DAY, bio="A longer text.")

    coach = await cara(db)
    assert (coach.status, coach.applied_at, coach.bio) == (CoachStatus.PENDING, MONDAY + DAY, "A longer text.")
    assert (coach.decided_by, coach.decided_at, coach.decision_reason) == (None, None, None)
    assert [kind for kind, _, _ in await enqueued(db)] == [
        NotificationKind.APPLICATION_CARD,
        NotificationKind.APPLICATION_REJECTED,
        NotificationKind.APPLICATION_CARD,
    ]


async def test_a_decision_updates_the_card_of_the_latest_application(db: Database) -> None:
    await applied(db)
    await reject(db)
    await transact(db, apply)

    await approve(db)

    cards = [revision for kind, _, revision in await enqueued(db) if kind is NotificationKind.APPLICATION_CARD]
    assert cards == [2, 2]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (CoachStatus.APPROVED, "You already coach here. Set your hours with `/availability`."),
        (CoachStatus.SUSPENDED, SUSPENDED),
    ],
)
async def test_coaches_and_suspended_coaches_cannot_apply(
    db: Database, status: CoachStatus, sentence: str
) -> None:
    await a_server_with_a_coach(db, status=status)

    assert str(await refusal(db, NotAllowed, apply)) == sentence


async def test_someone_blocked_from_applying_cannot_apply(db: Database) -> None:
    await transact(db, a_guild)
    await transact(db, blocks.block, GUILD, COACH, ADMIN, [BlockedFrom.APPLYING], "Spam.", MONDAY)

    assert (await refusal(db, Blocked, apply)).quotation == "Spam."


async def test_a_coach_of_another_server_can_apply(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"id": GUILD + 1}, guild_id=GUILD + 1)

    await applied(db)

    assert (await cara(db)).status is CoachStatus.PENDING


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"bio": "  "}, "**About you:** Write a few words."),
        ({"bio": "x" * 1001}, "**About you:** That's 1,001 characters. Shorten it to 1,000."),
        ({"experience": ""}, "**Experience and links:** Write a few words."),
        ({"specialties": []}, "**What you teach:** Choose at least one specialty, so that students can find you."),
        (
            {"specialties": ["Mixing", "Yodelling"]},
            '**What you teach:** "Yodelling" is no longer taught here. Choose from the list again.',
        ),
        ({"rate": "much"}, '**Rate per hour:** "much" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        (
            {"time_zone": "Narnia"},
            '**Your time zone:** I don\'t know the time zone "Narnia". Type one like Europe/Berlin or UTC+2, or '
            "a city like Munich.",
        ),
    ],
    ids=["no text", "long text", "no experience", "no specialty", "another server's specialty", "rate", "zone"],
)
async def test_an_invalid_application_changes_nothing(db: Database, typed: dict[str, Any], sentence: str) -> None:
    await applied(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        session.add(Specialty(guild_id=GUILD + 1, name="Yodelling"))

    assert str(await refusal(db, Unreadable, partial(apply, **typed))) == sentence


async def test_everything_wrong_with_an_application_is_reported_at_once(db: Database) -> None:
    typed = {"bio": "", "specialties": [], "rate": "100000000", "time_zone": "Narnia"}
    await transact(db, a_guild)

    error = await refusal(db, WrongFields, partial(apply, **typed))

    assert list(error.wrong) == ["About you", "What you teach", "Rate per hour", "Your time zone"]


async def test_submitting_five_times_at_once_makes_one_application(db: Database) -> None:
    await transact(db, a_guild)

    await asyncio.gather(*(transact(db, apply) for _ in range(5)))

    assert (await cara(db)).status is CoachStatus.PENDING
    assert await enqueued(db) == [(NotificationKind.APPLICATION_CARD, None, 5)]


# Deciding.


async def test_an_approved_coach_gets_the_role_and_a_message(db: Database) -> None:
    await applied(db)

    await approve(db, now=MONDAY + HOUR)

    coach = await cara(db)
    assert (coach.status, coach.decided_by) == (CoachStatus.APPROVED, ADMIN.user_id)
    assert coach.decided_at == coach.role_due_at == MONDAY + HOUR
    assert await enqueued(db) == [
        (NotificationKind.APPLICATION_CARD, None, 2),
        (NotificationKind.APPLICATION_APPROVED, COACH, 1),
    ]
    assert await actions(db) == ["application_made", "application_approved"]


async def test_a_rejected_applicant_gets_a_message_and_no_role(db: Database) -> None:
    await applied(db)

    await reject(db, "  Too short. ")

    coach = await cara(db)
    assert (coach.status, coach.decision_reason, coach.role_due_at) == (CoachStatus.REJECTED, "Too short.", None)
    assert await enqueued(db) == [
        (NotificationKind.APPLICATION_CARD, None, 2),
        (NotificationKind.APPLICATION_REJECTED, COACH, 1),
    ]


async def test_a_rejection_needs_a_reason(db: Database) -> None:
    await applied(db)

    refused = await refusal(db, Unreadable, lambda s: applications.reject(s, GUILD, COACH, ADMIN, " ", MONDAY))

    assert str(refused) == "**Reason:** Write a few words."


async def test_only_admins_decide_and_see_the_queue(db: Database) -> None:
    await applied(db)

    for use_case in (
        lambda s: applications.approve(s, GUILD, COACH, CARA, MONDAY),
        lambda s: applications.reject(s, GUILD, COACH, CARA, "No.", MONDAY),
        lambda s: applications.list_open(s, GUILD, CARA),
    ):
        assert str(await refusal(db, NotAllowed, use_case)) == ADMINS_ONLY


@pytest.mark.parametrize(("guild_id", "user_id"), [(GUILD, 5), (GUILD + 1, COACH)], ids=["never", "elsewhere"])
async def test_only_applicants_of_this_server_can_be_approved(db: Database, guild_id: int, user_id: int) -> None:
    await applied(db)

    refused = await refusal(db, NotFound, lambda s: applications.approve(s, guild_id, user_id, ADMIN, MONDAY))

    assert str(refused) == "They haven't applied. Ask them to use `/coach apply`."


async def test_a_second_decision_is_refused_and_names_the_first_admin(db: Database) -> None:
    await applied(db)
    await reject(db)

    refused = await refusal(
        db, AlreadyDecided, lambda s: applications.approve(s, GUILD, COACH, SECOND_ADMIN, MONDAY + HOUR)
    )

    assert str(refused) == (
        f"This application was already rejected by <@{ADMIN.user_id}> {stamp(MONDAY, 'R')}. Nothing was changed."
    )


async def test_one_of_ten_admins_deciding_at_once_succeeds(db: Database) -> None:
    await applied(db)

    async def decide(admin: Actor) -> CoachingError | Actor:
        try:
            await (approve(db, admin) if admin.user_id % 2 else reject(db, actor=admin))
        except CoachingError as refused:
            return refused
        return admin

    outcomes = await asyncio.gather(*(decide(Actor(9000 + n, is_admin=True)) for n in range(10)))

    [winner] = [one for one in outcomes if isinstance(one, Actor)]
    losers = [one for one in outcomes if isinstance(one, AlreadyDecided)]
    coach = await cara(db)
    assert coach.decided_by == winner.user_id
    assert coach.status is (CoachStatus.APPROVED if winner.user_id % 2 else CoachStatus.REJECTED)
    assert len(losers) == 9
    assert all(f"by <@{winner.user_id}>" in str(one) for one in losers)
    assert len(await enqueued(db)) == 2


async def test_editing_during_an_approval_does_not_undo_it(db: Database) -> None:
    await applied(db)

    edited, _ = await asyncio.gather(transact(db, apply, bio="I master."), approve(db), return_exceptions=True)

    coach = await cara(db)
    assert coach.status is CoachStatus.APPROVED
    assert (coach.bio == "I master.") == isinstance(edited, Coach)
    assert isinstance(edited, Coach | NotAllowed)


async def test_the_queue_lists_this_servers_open_applications_oldest_first(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_guild(session, id=GUILD + 1)
        for user_id, status, hours in [
            (1, "PENDING", 2),
            (2, "PENDING", 1),
            (3, "APPROVED", 0),
            (4, "REJECTED", 0),
        ]:
            applied_at = MONDAY + hours * HOUR
            await a_coach(session, user_id=user_id, status=CoachStatus(status), applied_at=applied_at, hours=())
        await a_coach(session, guild_id=GUILD + 1, user_id=5, status=CoachStatus.PENDING)

    waiting = await query(db, applications.list_open, GUILD, ADMIN)

    assert [one.user_id for one in waiting] == [2, 1]


@pytest.mark.parametrize(
    ("status", "own_sentence"),
    [
        (
            CoachStatus.PENDING,
            "Your application hasn't been approved yet. An admin decides with `/coach approve`.",
        ),
        (CoachStatus.SUSPENDED, SUSPENDED),
        (CoachStatus.REJECTED, "You don't coach here yet. Apply with `/coach apply`."),
        (None, "You don't coach here yet. Apply with `/coach apply`."),
    ],
)
async def test_only_people_themselves_learn_why_they_do_not_coach_here(
    db: Database, status: CoachStatus | None, own_sentence: str
) -> None:
    await transact(db, a_guild)
    if status is not None:
        await transact(db, a_coach, status=status)

    own = await refusal(db, NotFound, lambda s: coaches.approved_coach(s, GUILD, COACH, own=True))
    others = await refusal(db, NotFound, lambda s: coaches.approved_coach(s, GUILD, COACH))

    assert (str(own), str(others)) == (own_sentence, NO_SUCH_COACH)
