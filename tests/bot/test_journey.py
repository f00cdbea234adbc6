"""A session's whole journey, as seen by admin, coach, student and outsider."""

import datetime as dt

import pytest
from sqlalchemy import select

from bot.app import CoachBot
from models import AuditEntry, CoachingSession, JobRun, Notification, Reservation, SessionStatus
from models.storage.database import Database
from scheduler.servers.settings import GuildDefaults
from tests.support.simulated import APPLICATION, UTC, Academy, academy, reply, words
from tests.support.transactions import fetch_all

START = dt.datetime(2026, 3, 2, 10, tzinfo=UTC)  # 11:00 in Berlin
END = START + dt.timedelta(minutes=60)


def before_start(minutes: float) -> dt.datetime:
    return START - dt.timedelta(minutes=minutes)


def after_end(minutes: float) -> dt.datetime:
    return END + dt.timedelta(minutes=minutes)


async def only_session(world: Academy) -> CoachingSession:
    [only] = await world.sessions()
    return only


async def test_from_application_to_the_empty_category(db: Database) -> None:
    async with academy(db) as world:
        # Cara applies; admins get a card. Approving it gives her the role and says what's next.
        assert "✅ Review channel:" in words(reply(await world.set_up()))
        assert "with the admins now" in words(reply(await world.apply(world.coach)))
        card = world.card
        assert "I mix records." in words(card)
        assert "$60.00 an hour" in words(card)
        await world.admin.click(card, label="Approve")
        decided = words(world.card)
        assert f"**Approved** by {world.admin.mention}" in decided
        assert "Reject…" not in decided
        assert world.has_role(world.coach, world.coach_role)
        assert "/availability" in world.dms(world.coach)[-1]

        # The coach sets hours, the student books one of them.
        answer = await world.coach.slash(world.lobby, "availability", days="Mon-Fri", hours="9-12, 13:30-17")
        assert "✅ Set Mon–Fri: 09:00–12:00, 13:30–17:00" in words(reply(answer))
        booked = await world.book(world.student, "11:00", notes="My vocals sound thin.")
        assert "My vocals sound thin." in world.dms(world.coach)[-1]
        assert booked.code in world.dms(world.student)[-1]
        assert (booked.starts_at, booked.ends_at) == (START, END)
        assert (booked.student.total_cost_minor, booked.currency) == (6000, "USD")
        assert booked.status is SessionStatus.SCHEDULED

        # 16 minutes before: nothing. 15 minutes before: a room nobody sees.
        await world.wait_until(before_start(16))
        assert world.room(booked.code) is None
        assert not (await only_session(world)).discord_setup_complete
        await world.wait_until(before_start(15))
        room = world.room(booked.code)
        assert room is not None
        assert room._channel.parent_id == world.rooms.id
        for who in (world.coach, world.student, world.outsider):
            assert not world.sees(who, room)
        assert (await only_session(world)).discord_setup_complete

        # 5 minutes before: exactly coach and student can enter.
        await world.wait_until(before_start(6))
        assert not world.sees(world.student, room)
        await world.wait_until(before_start(5))
        for who in (world.coach, world.student):
            assert world.sees(who, room)
            assert world.may(who, room, "connect", "speak", "send_messages", "stream")
            assert str(room.id) in str([one.to_dict() for one in who.user.dm_channel.last_message.components])
        assert "Welcome" in words(room.last_message)
        assert not world.sees(world.outsider, room)
        assert not world.may(world.outsider, room, "connect")
        assert (await only_session(world)).access_granted_at == before_start(5)

        # It starts and ends, the empty room is deleted, and the student is asked for a review.
        await world.student.join_voice(room)
        await world.wait_until(START)
        assert (await only_session(world)).status is SessionStatus.IN_PROGRESS
        await world.coach.join_voice(room)
        await world.wait_until(END)
        assert (await only_session(world)).status is SessionStatus.COMPLETED
        assert "How was it?" in world.dms(world.student)[-1]
        await world.wait_until(after_end(1))
        await world.student.leave_voice()
        assert world.room(booked.code) is not None
        await world.coach.leave_voice()
        assert world.room(booked.code) is None
        over = await only_session(world)
        assert over.next_step_at is None
        assert over.room_removed_at == after_end(1)
        await everything_is_on_record(world)


async def everything_is_on_record(world: Academy) -> None:
    """Check that every step left an entry, nothing failed, and no message is left to send."""
    runs = await fetch_all(world.db, select(JobRun))
    assert await fetch_all(world.db, select(AuditEntry.action).order_by(AuditEntry.id)) == [
        "settings_changed",
        "application_made",
        "application_approved",
        "hours_set",
        "session_booked",
        "room_made",
        "room_opened",
        "session_in_progress",
        "session_completed",
        "room_removed",
    ]
    assert sum(run.steps for run in runs) == 5
    assert sum(run.failures for run in runs) == 0
    assert await fetch_all(world.db, select(Notification.kind).where(Notification.sent_at.is_(None))) == []


async def test_cancelling_frees_the_time_and_removes_the_open_room(db: Database) -> None:
    async with academy(db) as world:
        await world.open_for_booking()
        booked = await world.book(world.student, "11:00")
        await world.wait_until(before_start(5))
        assert world.sees(world.student, world.room(booked.code))

        panel = reply(await world.student.slash(world.lobby, "sessions"))
        form = await world.student.click(panel, label="Cancel…")
        answer = await world.student.submit_modal(form, {"Reason": "I am ill."})

        assert "cancelled" in words(reply(answer))
        assert world.room(booked.code) is None
        assert "Session cancelled by your student" in world.dms(world.coach)[-1]
        assert "I am ill." in world.dms(world.coach)[-1]
        assert await fetch_all(world.db, select(Reservation)) == []


@pytest.mark.slow
async def test_every_button_and_form_works_after_a_restart(db: Database) -> None:
    async with academy(db) as world:
        await world.set_up()
        form = await world.coach.slash(world.lobby, "coach apply")
        await world.restart()
        await world.coach.submit_modal(form, APPLICATION)
        await world.restart()
        await world.admin.click(world.card, label="Approve")
        panel = reply(await world.coach.slash(world.lobby, "availability"))
        await world.restart()
        await world.coach.click(panel, label="Afternoon 12:00–17:00")
        panel = reply(await world.student.slash(world.lobby, "book"))
        for label in ("Book", "13:30", "Confirm"):
            await world.restart()
            panel = reply(await world.student.click(panel, label=label))
        assert "Booked" in words(panel)
        await world.restart()

        form = await world.coach.user.click(world.coach.user.dm_channel.last_message, label="Cancel…")
        await world.restart()
        answer = await world.coach.user.submit_modal(form, {"Reason": "Sorry."})

        assert "cancelled" in words(reply(answer))
        assert "Session cancelled by your coach" in world.dms(world.student)[-1]


async def test_ready_that_comes_after_a_stop_is_dropped(db: Database) -> None:
    async with CoachBot(db, GuildDefaults(), clock=lambda: START) as bot:
        await bot.close()

        bot.dispatch("ready")

        assert not bot.is_ready()


async def test_a_room_missed_during_downtime_is_created_and_opened_at_once(db: Database) -> None:
    async with academy(db) as world:
        await world.open_for_booking()
        booked = await world.book(world.student, "11:00")
        await world.env.bot.close()
        await world.wait_until(START + dt.timedelta(minutes=10))
        assert world.room(booked.code) is None

        await world.restart()

        assert world.sees(world.student, world.room(booked.code))
        assert not world.sees(world.outsider, world.room(booked.code))
        assert (await only_session(world)).status is SessionStatus.IN_PROGRESS
