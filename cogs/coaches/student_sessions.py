"""The upcoming sessions of someone who can't book any more, and cancelling them together."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cogs import cards, ui
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, on
from cogs.ui.time_picker import instant, minute_of
from models import CoachingSession, SessionStatus
from scheduler.booking import cancellation
from scheduler.booking.cancellation import Outcome, Seen
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.parsing.lists import all_of
from scheduler.sessions import lifecycle

SHOW = Route("block:sessions:{user_id}")
# {newest} is the highest id of those that the admin was shown, {seen} when that was, in whole minutes since 1970.
ASK_CANCEL = Route("block:cancel:{user_id}:{newest}")
CANCEL = Route("block:cancel:{user_id}:{newest}:{seen}")

_MOST = 10


class StudentSessionsCog(Cog):
    """The buttons that list and cancel a student's upcoming sessions."""

    @on(SHOW)
    async def show_sessions(self, interaction: Interaction, user_id: int) -> None:
        """List the upcoming sessions."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            now = self.bot.clock()
            upcoming = await cancellation.list_upcoming(session, guild.id, user_id, actor, now)
        parts = ui.rows(*buttons(user_id, upcoming, by=actor))
        await ui.show(interaction, ui.Panel(ui.text("\n".join(lines(user_id, upcoming))), *parts))

    @on(ASK_CANCEL)
    async def ask(self, interaction: Interaction, user_id: int, newest: int) -> None:
        """Ask whether to cancel those that the admin saw and that are still upcoming."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            now = self.bot.clock()
            found = await cancellation.list_cancellable(session, guild.id, user_id, actor, newest, now)
        await ui.show(interaction, _question(user_id, found, now))

    @on(CANCEL)
    async def cancel(self, interaction: Interaction, user_id: int, newest: int, seen: int) -> None:
        """Cancel those that the question was about."""
        shown = Seen(newest, instant(seen))
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            done = await cancellation.cancel_seen(session, guild.id, user_id, actor, shown, now)
        self.bot.wake()
        await ui.show(interaction, ui.Panel(ui.text("\n".join(_result(user_id, done, now)))))


def lines(user_id: int, upcoming: Sequence[CoachingSession]) -> list[str]:
    """List someone's upcoming sessions, and say that they stay."""
    if not upcoming:
        return [f"<@{user_id}> has no upcoming sessions here."]
    stays = "It stays" if len(upcoming) == 1 else "They stay"
    single = ["-# To cancel just one session, open it from `/coaching sessions`."]
    return [
        f"<@{user_id}> has {_count(upcoming, is_upcoming=True)} here. {stays} booked:",
        *_listed(_line(one) for one in upcoming),
        *([] if all(one.is_workshop for one in upcoming) else single),
    ]


def buttons(user_id: int, upcoming: Sequence[CoachingSession], *, by: Actor) -> list[ui.Button]:
    """Make the button that cancels these, if there are any. Admins cancel their own in `/sessions`."""
    if not upcoming or by.user_id == user_id:
        return []
    newest = max(one.id for one in upcoming)
    return [ui.button("Cancel these…", ASK_CANCEL.id(user_id=user_id, newest=newest))]


def _question(user_id: int, found: Sequence[CoachingSession], now: datetime) -> ui.Panel:
    count, newest = _count(found), max(one.id for one in found)
    shown = _listed(_line(one, f" · {_price(one, user_id)}") for one in found)
    others = " Workshops go on without them." if any(one.is_workshop for one in found) else ""
    gets = (
        f"Anything <@{user_id}> paid with credit or by card goes back to them.{others} We'll message them and "
        "their coaches. This can't be undone."
    )
    yes = CANCEL.id(user_id=user_id, newest=newest, seen=minute_of(now))
    return ui.Panel(
        ui.text("\n".join([f"### Cancel {count}?", *shown, gets])),
        ui.row(ui.button(f"Cancel {count}", yes, ui.DANGER), ui.button("◀ Back", SHOW.id(user_id=user_id))),
    )


def _result(user_id: int, done: Outcome, now: datetime) -> list[str]:
    said: list[str] = []
    if done.cancelled:
        back = f"Anything <@{user_id}> paid with credit or by card goes back to them. We've messaged everyone."
        said.append(f"**{_count(done.cancelled)} cancelled.** {back}")
    if done.too_late:
        said.append(f"**{_count(done.too_late)} not cancelled:**")
        said.extend(_listed(f"{_line(one)}: {_why(one, now)}" for one in done.too_late))
    return said


def _why(one: CoachingSession, now: datetime) -> str:
    """Say why it's too late to cancel."""
    if one.status is SessionStatus.CANCELLED:
        return "already cancelled"
    if lifecycle.is_over(one, now):
        return "already over"
    if one.is_workshop:
        return "already running"
    return "already running. To end it, open it from `/coaching session`."


def _listed(each: Iterable[str]) -> list[str]:
    found = [*each]
    more = [f"- and {len(found) - _MOST} more"] if len(found) > _MOST else []
    return [*found[:_MOST], *more]


def _line(one: CoachingSession, more: str = "") -> str:
    what = " · workshop" if one.is_workshop else ""
    return f"- {stamp(one.starts_at)} with <@{one.coach_id}>{what} · `{one.code}`{more}"


def _price(one: CoachingSession, user_id: int) -> str:
    seat = one.participant(user_id)
    return cards.charge.seat_price(seat) if seat is not None else ""


def _count(some: Sequence[CoachingSession], *, is_upcoming: bool = False) -> str:
    """Count sessions, and seats by themselves: "2 sessions and 1 seat in a workshop"."""
    seats, upcoming = sum(one.is_workshop for one in some), "upcoming " if is_upcoming else ""
    sessions = len(some) - seats
    counted = [f"{sessions} {upcoming}session{'' if sessions == 1 else 's'}"] if sessions or not seats else []
    a = "an" if is_upcoming else "a"
    workshops = f"{a} {upcoming}workshop" if seats == 1 else f"{upcoming}workshops"
    counted += [f"{seats} seat{'' if seats == 1 else 's'} in {workshops}"] if seats else []
    return all_of(counted)
