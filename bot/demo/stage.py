"""The running demo: a world, a visitor who is one of its people at a time, and a time machine."""

import asyncio
import contextlib
import datetime as dt
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import simcord
from sqlalchemy import select

from bot.app import CoachBot
from bot.demo import academy, residents, simcord_private
from bot.demo.academy import Academy, Person
from bot.demo.payments import past_payments
from bot.demo.payments.stripe_account import StripeAccount, served
from bot.stripe_api.client import StripeApi
from cogs.ui.text import whole_number
from models import Heartbeat
from models.job_run import TICK
from models.storage.database import Database
from scheduler.core.errors import CoachingError
from scheduler.loop.tick import next_due
from scheduler.payments import due

log = logging.getLogger(__name__)

DIRECT = "dm"
"""The direct messages between the current person and the bot."""

_ONE_YEAR = dt.timedelta(days=365)  # the time machine wakes the loop, so it never ticks by itself
_LONGEST_JUMP = dt.timedelta(days=31)
_UNWATCHED = dt.timedelta(minutes=4)  # after five, nobody would count as a no-show
_SHORTLY = dt.timedelta(minutes=1)  # longer than the world waits for one of the loop's timers
_VOICE = 2
_PATIENCE_SECONDS = 20.0
"""How long the loop may take to do what's due, by a real clock."""


class NotPossible(CoachingError):
    """The visitor asked for something this person can't do here."""


class Faults(logging.Handler):
    """Collects logged errors for the page's corner."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message without its traceback, which is in the terminal."""
        self.lines = [*self.lines, record.getMessage()][-20:]


class Stage:
    """The world and its visitor. Whatever changes the world holds `turn`."""

    def __init__(
        self,
        env: simcord.Env,
        bot: CoachBot,
        db: Database,
        world: Academy,
        stripe: StripeAccount,
        faults: Faults,
    ) -> None:
        self.env, self.bot, self.db, self.world, self.stripe, self.faults = env, bot, db, world, stripe, faults
        self.turn = asyncio.Lock()
        self.person: Person = world.people["admin"]
        self.place: int | str = world.lobby.id
        self.preview: Any = None
        self.preview_address: tuple[int, str] = (0, "")
        """The shown channel's loopback port and secret. Closed briefly while another place opens."""
        self.left: set[str] = set()
        """The secrets of places that were left. Their frames ask on until the page replaces them."""
        self.ticked: set[int] = set()
        """The steps of the tour that are done."""
        self.receipts_seen: set[str] = set()
        """The payments, by Stripe's ids, whose receipts were opened."""
        self._read: dict[tuple[str, int], int] = {}

    @property
    def now(self) -> dt.datetime:
        """Return the world's time."""
        return self.env.now()

    def places(self, person: Person) -> list[Any]:
        """Return the channels this person's client lists: those in no category first, as Discord lists them.

        An empty category isn't listed.
        """
        seen = [
            one
            for one in simcord_private.channels(self.env, self.world.guild)
            if simcord_private.sees(self.env, person.member, one.id)
        ]
        parents = {one.parent_id for one in seen}
        listed = [one for one in seen if one.id != self.world.category.id or one.id in parents]
        return sorted(listed, key=lambda one: one.id == self.world.category.id or one.parent_id is not None)

    def unread(self, person: Person, channel_id: int) -> int:
        """Count the messages this person hasn't seen yet."""
        last = self._read.get((person.key, channel_id), 0)
        visible = simcord_private.visible_messages(self.env, channel_id, person.member.id)
        return sum(message > last for message in visible)

    def channel_id(self, person: Person, place: int | str) -> int:
        """Return a place's channel. Everyone has their own direct messages."""
        return person.member.user.dm_channel.id if place == DIRECT else int(place)

    def read_all(self, person: Person, channel_id: int) -> None:
        """Mark everything there as read by this person."""
        visible = simcord_private.visible_messages(self.env, channel_id, person.member.id)
        if visible:
            self._read[person.key, channel_id] = visible[-1]

    def has_read(self, person: Person, channel_id: int, message_id: int) -> bool:
        """Whether this person has looked there since the message arrived."""
        return self._read.get((person.key, channel_id), 0) >= message_id

    async def become(self, key: str) -> None:
        """Become someone else, in the same place if they can see it, or else in the lobby."""
        if key not in self.world.people:
            raise NotPossible("There's nobody like that in this academy.")
        async with self.turn:
            await self._show(self.world.people[key], self.place)
            self.mark_seen()

    async def go(self, place: str) -> None:
        """Open a channel or the direct messages."""
        async with self.turn:
            where = DIRECT if place == DIRECT else whole_number(place) or 0
            if where != DIRECT and not simcord_private.sees(self.env, self.person.member, int(where)):
                raise NotPossible(f"{self.person.name} can't see that channel.")
            await self._show(self.person, where)
            self.mark_seen()

    async def _show(self, person: Person, place: int | str) -> None:
        if place != DIRECT and not simcord_private.sees(self.env, person.member, int(place)):
            place = self.world.lobby.id
        if self.preview is not None:
            self.left.add(self.preview_address[1])
            await self.preview.close()
        self.person, self.place = person, place
        channel = (
            person.member.user.dm_channel
            if place == DIRECT
            else simcord_private.channel(self.env, self.world.guild, int(place))
        )
        viewer = person.member.user if place == DIRECT else person.member
        preview = self.env.preview(channel, viewers=[viewer], layout="channel", timezone=academy.ZONE)
        self.preview = await preview.__aenter__()
        self.preview_address = simcord_private.preview_address(self.preview)

    def mark_seen(self) -> None:
        """Mark the current place as read."""
        self.read_all(self.person, self.channel_id(self.person, self.place))

    def shows(self, words: str) -> bool:
        """Whether a message on the visitor's screen contains these words."""
        channel_id = self.channel_id(self.person, self.place)
        return simcord_private.can_read(self.env, channel_id, self.person.member.id, words)

    async def jump(self, span: dt.timedelta) -> None:
        """Let time pass, stopping at every step that becomes due on the way."""
        if not dt.timedelta(0) < span <= _LONGEST_JUMP:
            raise NotPossible("The time machine only goes forward, by up to a month.")
        async with self.turn:
            await self.advance_to(self.now + span)
            await self._show(self.person, self.place)  # drawn again, so that "in 2 hours" stays true

    async def jump_to_next_event(self) -> None:
        """Let time pass until the bot has something to do, and let it do that."""
        async with self.turn:
            at = await next_due(self.db)
            if at is None:
                raise NotPossible("Nothing is coming up. Book a session first.")
            await self.advance_to(max(at, self.now))
            await self._show(self.person, self.place)  # drawn again, so that "in 2 hours" stays true

    async def advance_to(self, end: dt.datetime) -> None:
        """Let time pass until `end`. The caller holds the turn."""
        while (at := await next_due(self.db)) is not None and at <= end:
            if self._has_rooms() and at - self.now > _UNWATCHED:
                # The loop runs only now and then here, so have it record just before that it was watching.
                await simcord_private.advance(self.env, at - _SHORTLY)
                await simcord_private.as_the_bot(self.env, self.bot.wake)
            await simcord_private.advance(self.env, at)  # the loop wakes up by itself
            await self._wake_for(at)
            await residents.move_residents(self.env, self.db, self.world, self.person.member.id)
        await simcord_private.advance(self.env, end)

    async def _wake_for(self, at: dt.datetime) -> None:
        """Wake the loop until it has done what's due, in case nobody woke it for this.

        The world counts as settled after a few quiet milliseconds, so on a busy machine the bot may not even have
        started its loop. Raises RuntimeError if nothing happens for a while.
        """
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while await next_due(self.db) == at:
            if time.monotonic() > give_up_at:
                raise RuntimeError(f"the loop did not do what was due at {at}")
            await simcord_private.as_the_bot(self.env, self.bot.wake)

    def _has_rooms(self) -> bool:
        return any(one.type == _VOICE for one in simcord_private.channels(self.env, self.world.guild))

    async def pay(self, checkout_id: str) -> None:
        """Pay on a page if it's open, and let the bot know, as Stripe's webhook would."""
        async with self.turn:
            one = self.stripe.checkout(checkout_id)
            if one is None or not self.stripe.pay(checkout_id):
                return
            async with self.db.begin() as session:
                about = {"checkout_id": checkout_id, "code": one["client_reference_id"]}
                await due.hurry(session, f"evt_{checkout_id}", self.now, **about)
            await simcord_private.as_the_bot(self.env, self.bot.wake)

    async def join(self, channel_id: int | None) -> None:
        """Enter a voice channel, or leave with None."""
        async with self.turn:
            member = self.person.member
            if channel_id is not None and not simcord_private.sees(self.env, member, channel_id):
                raise NotPossible(f"{self.person.name} can't see that room.")
            try:
                if channel_id is None:
                    await member.leave_voice()
                else:
                    await member.join_voice(simcord_private.channel(self.env, self.world.guild, channel_id))
            except simcord_private.Refusal:
                raise NotPossible(f"{self.person.name} can't enter this room.") from None


@contextlib.asynccontextmanager
async def open_stage(db: Database) -> AsyncIterator[Stage]:
    """Open the world and play it until the visitor arrives. A kept database continues where it ended."""
    held: dict[str, simcord.Env] = {}
    account = StripeAccount(now=lambda: held["env"].now())
    faults = Faults()
    logging.getLogger().addHandler(faults)
    try:
        lived_until = await _last_heartbeat(db)
        await past_payments.recall(db, account)
        async with served(account) as base, contextlib.aclosing(StripeApi(account.key, base=base)) as stripe:
            bot = CoachBot(db, academy.DEFAULTS, clock=account.now, tick_interval=_ONE_YEAR, stripe=stripe)
            env = held["env"] = simcord_private.quick_world(bot)
            with simcord_private.apscheduler_clock(env.now), simcord_private.names_in_direct_messages():
                await env.start()
                stage = Stage(env, bot, db, academy.build(env), account, faults)
                try:
                    await _begin(stage, lived_until)
                    yield stage
                    # A kept database continues from this heartbeat.
                    await simcord_private.as_the_bot(env, bot.wake)
                finally:
                    await env.shutdown()  # closes the preview first
                    await bot.close()
    finally:
        logging.getLogger().removeHandler(faults)


async def _last_heartbeat(db: Database) -> dt.datetime | None:
    """Return when an earlier demo on this database ended, in its own time; None if it's new."""
    async with db.read() as session:
        return await session.scalar(select(Heartbeat.at).where(Heartbeat.job == TICK))


async def _begin(stage: Stage, lived_until: dt.datetime | None) -> None:
    simcord_private.set_clock(stage.env, lived_until or academy.OPENS)
    await stage.env.settle()
    if lived_until is None:
        await academy.open_the_academy(stage.db, stage.world, stage.now)
        await stage.advance_to(academy.NORA_CANCELS)
        await academy.nora_cancels(stage.db, stage.world, stage.now)
        await simcord_private.as_the_bot(stage.env, stage.bot.wake)
        await stage.advance_to(academy.BEGINS)
        await academy.review_the_past(stage.db, stage.world)
        await academy.chat(stage.world)
        stage.read_all(stage.world.people["admin"], stage.world.review.id)
        await academy.cara_applies(stage.db, stage.world, stage.now)
    await stage.advance_to(stage.now)
    for person in stage.world.people.values():
        for channel in (stage.world.lobby.id, stage.world.workshops.id, stage.channel_id(person, DIRECT)):
            stage.read_all(person, channel)
    await stage.become("admin")
