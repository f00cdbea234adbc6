"""The room of a workshop lets in those who take part, also those who join or leave while it's opened."""

from sqlalchemy import select

from models import Notification, NotificationKind
from models.storage.database import Database
from tests.support.builders import COACH, MINUTE, STUDENT
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import advance_due
from tests.support.transactions import fetch_all
from tests.support.workshops import STARTS, a_workshop, find, leave, take

ONE, TWO = STUDENT, STUDENT + 1
OPENS = STARTS - 5 * MINUTE


async def let_in(db: Database, discord: FakeDiscord, workshop: int) -> set[int]:
    """Do what's due when the room opens, and return whom Discord was asked to let in at last."""
    await advance_due(db, discord, lambda: OPENS)
    row, _ = await find(db, workshop)
    assert row.access_granted_at == OPENS
    [*_, last] = [one.access for one in discord.calls if one.method == "open_room"]
    assert last is not None
    return set(last.user_ids)


async def test_those_who_have_a_seat_are_let_in(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE, TWO)
    await leave(db, workshop, TWO)

    assert await let_in(db, FakeDiscord(), workshop) == {COACH, ONE}


async def test_whoever_joins_or_leaves_while_it_is_opened_is_seen_to(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE)
    discord = FakeDiscord()

    async def meanwhile(_: Call) -> None:
        discord.meanwhile("open_room", nothing)
        await take(db, workshop, TWO, now=OPENS)
        await leave(db, workshop, ONE, OPENS)

    discord.meanwhile("open_room", meanwhile)

    assert await let_in(db, discord, workshop) == {COACH, TWO}
    opened = Notification.kind == NotificationKind.ROOM_OPEN
    told = await fetch_all(db, select(Notification.user_id).where(opened))
    assert set(told) == {COACH, TWO}


async def nothing(_: Call) -> None:
    """Do nothing."""


async def test_whoever_joins_an_open_room_is_let_in(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE)
    discord = FakeDiscord()
    await let_in(db, discord, workshop)

    await take(db, workshop, TWO, now=OPENS)

    assert await let_in(db, discord, workshop) == {COACH, ONE, TWO}
