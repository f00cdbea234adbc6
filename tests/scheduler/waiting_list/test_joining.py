"""Joining the waiting list for what's on offer already."""

from sqlalchemy import update

from models import Offer, OfferState, Wish
from models.storage.database import Database
from scheduler.waiting_list import answers, joining
from tests.scheduler.waiting_list.test_seats import ANN, BOB, offered
from tests.support.builders import GUILD, HOUR
from tests.support.transactions import transact


async def test_whoever_asks_again_gets_the_offer_until_it_is_over(db: Database) -> None:
    line, workshop = await offered(db, ANN, BOB)
    [offer] = await line.offers(OfferState.OPEN)
    async with db.begin() as session:
        await session.execute(update(Offer).values(expires_at=line.now + HOUR))

    for actor, later, is_offered in ((ANN, 0 * HOUR, True), (BOB, 0 * HOUR, False), (ANN, HOUR, False)):
        joined = await transact(db, joining.join_for_seat, GUILD, workshop, actor, line.now + later)
        assert isinstance(joined, Offer if is_offered else Wish)
    async with db.begin() as session:
        await session.execute(update(Offer).values(state=OfferState.PAYING))
    assert isinstance(await transact(db, joining.join_for_seat, GUILD, workshop, ANN, line.now + HOUR), Offer)
    async with db.begin() as session:
        await session.execute(update(Offer).values(state=OfferState.OPEN))
    await transact(db, answers.decline, offer.id, ANN, line.now)
    assert isinstance(await transact(db, joining.join_for_seat, GUILD, workshop, ANN, line.now), Wish)
