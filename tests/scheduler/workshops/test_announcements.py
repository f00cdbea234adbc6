"""The message that announces a workshop is kept true, and edited rarely."""

from datetime import datetime

from models import Guild, NotificationKind
from models.storage.database import Database
from scheduler.booking import cancellation, releases
from scheduler.core.actor import Actor
from scheduler.core.errors import Unreachable
from scheduler.core.task_pool import TaskPool
from scheduler.notifications.delivery import deliver_due
from scheduler.servers import settings
from scheduler.servers.settings import GuildChanges
from scheduler.workshops import announcements, seats, workshops
from scheduler.workshops.notifications import WorkshopDetails
from tests.support.bookings import CARA
from tests.support.builders import ADMIN, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT
from tests.support.fakes import Call, FakeDiscord
from tests.support.transactions import transact
from tests.support.workshops import CHANNEL, STARTS, a_workshop, announcement, find, leave, take

ONE, TWO, THREE = range(STUDENT, STUDENT + 3)
SECOND = MINUTE / 60


class Board:
    """The channel for workshops, and what is sent at each time."""

    def __init__(self, db: Database) -> None:
        self.db, self.discord = db, FakeDiscord()

    async def at(self, now: datetime) -> list[int]:
        """Send what's due, and return how many seats were free by each announcement."""
        self.discord.calls.clear()
        while (await deliver_due(self.db, self.discord, lambda: now, TaskPool(wait_for_slow=True))).more:
            pass
        return [self.details_of(one).free for one in self.discord.calls if self.is_announcement(one)]

    @staticmethod
    def is_announcement(call: Call) -> bool:
        kind = NotificationKind.WORKSHOP_ANNOUNCEMENT
        return call.context is not None and call.context.notification.kind is kind

    @staticmethod
    def details_of(call: Call) -> WorkshopDetails:
        assert call.context is not None
        details: WorkshopDetails = call.context.details
        return details


async def test_it_goes_into_the_channel_for_workshops(db: Database) -> None:
    workshop = await a_workshop(db)
    board = Board(db)

    assert await board.at(MONDAY) == [3]

    [sent] = [one for one in board.discord.calls if board.is_announcement(one)]
    assert sent.context is not None
    assert sent.context.channel_id == CHANNEL
    _, found = await find(db, workshop)
    assert found.channel_id == CHANNEL


async def test_many_seats_at_once_are_one_edit_half_a_minute_later(db: Database) -> None:
    workshop = await a_workshop(db)
    board = Board(db)
    await board.at(MONDAY)

    await take(db, workshop, ONE, now=MONDAY + 10 * MINUTE)
    await take(db, workshop, TWO, now=MONDAY + 10 * MINUTE + 20 * SECOND)
    await leave(db, workshop, ONE, MONDAY + 10 * MINUTE + 29 * SECOND)

    assert await board.at(MONDAY + 10 * MINUTE + 29 * SECOND) == []
    assert await board.at(MONDAY + 10 * MINUTE + 30 * SECOND) == [2]
    assert await board.at(MONDAY + 1 * HOUR) == []


async def test_a_seat_that_is_held_is_one_less(db: Database) -> None:
    workshop = await a_workshop(db)
    board = Board(db)
    await board.at(MONDAY)

    await transact(db, seats.hold, workshop, Actor(ONE), MONDAY, MONDAY + HOUR)

    assert await board.at(MONDAY + 30 * SECOND) == [2]


async def test_a_change_while_it_is_being_edited_is_not_lost(db: Database) -> None:
    workshop = await a_workshop(db)
    board = Board(db)
    await board.at(MONDAY)
    await take(db, workshop, ONE, now=MONDAY)
    edited_at = MONDAY + 30 * SECOND

    async def meanwhile(call: Call) -> None:
        if board.is_announcement(call):
            await take(db, workshop, TWO, now=edited_at)

    board.discord.meanwhile("deliver", meanwhile)
    assert await board.at(edited_at) == [2]
    assert (await announcement(db, workshop)).due_at == edited_at + 30 * SECOND
    board.discord.meanwhile("deliver", nothing)
    assert await board.at(edited_at + 30 * SECOND) == [1]


async def nothing(_: Call) -> None:
    """Do nothing."""


async def test_a_change_before_it_is_sent_delays_nothing(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE, now=MONDAY + SECOND)

    assert await Board(db).at(MONDAY + SECOND) == [2]


async def test_a_cancelled_workshop_says_so(db: Database) -> None:
    workshop = await a_workshop(db)
    board = Board(db)
    await board.at(MONDAY)

    await transact(db, cancellation.cancel, workshop, CARA, GUILD, "", MONDAY + HOUR)

    assert await board.at(MONDAY + HOUR + 30 * SECOND) == [3]


async def test_what_was_cancelled_before_it_was_announced_is_not_announced(db: Database) -> None:
    workshop = await a_workshop(db)
    await transact(db, cancellation.cancel, workshop, CARA, GUILD, "", MONDAY)

    assert await Board(db).at(MONDAY) == []


async def test_a_missing_channel_is_told_and_it_is_announced_once_there_is_one(db: Database) -> None:
    workshop = await a_workshop(db)
    board = Board(db)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).workshop_channel_id = None
    await board.at(MONDAY)
    assert (await announcement(db, workshop)).given_up_at == MONDAY

    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        changes = GuildChanges(workshop_channel_id=CHANNEL + 1)
        await settings.change(session, guild, ADMIN, changes, MONDAY + DAY)

    assert await board.at(MONDAY + DAY) == [3]
    _, found = await find(db, workshop)
    assert found.channel_id == CHANNEL + 1


async def test_a_hold_that_runs_out_is_shown(db: Database) -> None:
    workshop = await a_workshop(db)
    board = Board(db)
    await transact(db, seats.hold, workshop, Actor(ONE), MONDAY, MONDAY + HOUR)
    assert await board.at(MONDAY) == [2]

    await releases.announce_expired(db, lambda: MONDAY + HOUR)

    assert await board.at(MONDAY + HOUR + 30 * SECOND) == [3]


async def test_it_is_edited_when_the_workshop_is(db: Database) -> None:
    workshop = await a_workshop(db)
    board = Board(db)
    await board.at(MONDAY)

    await transact(db, workshops.edit, workshop, GUILD, CARA, MONDAY + HOUR, title="Drums", seats=4)

    assert await board.at(MONDAY + HOUR + 30 * SECOND) == [4]


async def test_an_edit_after_the_start_says_so_although_the_session_is_not_recorded_as_started(
    db: Database,
) -> None:
    workshop = await a_workshop(db)
    board = Board(db)
    await board.at(MONDAY)

    for now in (STARTS - MINUTE, STARTS):
        async with db.begin() as session:
            await announcements.update_announcement(session, workshop, now - MINUTE)
        await board.at(now)
        [sent] = [one for one in board.discord.calls if board.is_announcement(one)]
        assert board.details_of(sent).has_begun is (now == STARTS)


async def test_it_is_announced_anew_when_its_channel_is_gone_and_another_is_chosen(db: Database) -> None:
    workshop = await a_workshop(db)
    board = Board(db)
    await board.at(MONDAY)
    board.discord.fail("deliver", Unreachable("the channel is gone", for_admins=True))
    await take(db, workshop, ONE, now=MONDAY)
    await board.at(MONDAY + MINUTE)
    board.discord.heal()

    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        changes = GuildChanges(workshop_channel_id=CHANNEL + 1)
        await settings.change(session, guild, ADMIN, changes, MONDAY + HOUR)
    await board.at(MONDAY + HOUR)

    [sent] = [one for one in board.discord.calls if board.is_announcement(one)]
    assert sent.context is not None
    assert (sent.context.channel_id, sent.context.notification.message_id) == (CHANNEL + 1, None)
