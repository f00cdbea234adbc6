"""In the room: what is said there, and the buttons to end now or to go on."""

import discord

from cogs import cards, ui
from cogs.sessions.cancellation import guild_here
from cogs.ui import Interaction
from cogs.ui.routing import Cog, on
from models import CoachingSession, NotificationKind, SessionStatus
from scheduler.core.clock import stamp
from scheduler.notifications.kinds import NotificationContext
from scheduler.rooms import in_room
from scheduler.sessions import lifecycle, planning

LONGER = "room:longer:{session_id}"

_RUNNING = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)
_GOES = "The room goes as soon as it is empty."


class RoomCog(Cog):
    """The buttons in a session's room."""

    @on(LONGER)
    async def longer_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Another quarter of an hour."""
        await ui.acknowledge_beside(interaction)
        actor = ui.actor_of(interaction, None)
        async with self.bot.db.begin() as session:
            prolonged = await in_room.extend(session, session_id, actor, self.bot.clock())
        self.bot.wake()
        until = stamp(prolonged.ends_at, "t")
        await ui.show(interaction, ui.Panel(ui.text(f"Your session goes on until {until}, at the same price.")))

    @on(cards.END)
    async def end_pressed(self, interaction: Interaction, session_id: int) -> None:
        """It is over."""
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            actor = ui.actor_of(interaction, await guild_here(self.bot, session, interaction))
            now = self.bot.clock()
            await in_room.end_early(session, session_id, actor, now, guild_id=interaction.guild_id)
        self.bot.wake()
        words = "The session is over. The room goes as soon as everybody has left it."
        await ui.show(interaction, ui.Panel(ui.text(words)))


def words(context: NotificationContext) -> discord.ui.Container[ui.Panel]:
    """What is said in the room: at its opening (kept up to date), before the end, and to those who stay."""
    one = context.session
    assert one is not None, "what is said in a room is about its session"
    both = f"<@{one.coach_id}> <@{one.student_id}>"
    match context.notification.kind:
        case NotificationKind.ROOM_WELCOME:
            return _welcome(one, both, can_extend=context.details)
        case NotificationKind.ROOM_ENDING:
            parts = [ui.text(f"{both} the session ends {stamp(one.ends_at, 'R')}.")]
            return discord.ui.Container(*parts, *_buttons(one, can_extend=context.details))
        case _:
            closes_at = lifecycle.hard_limit(lifecycle.life_of(one), planning.lead_times(context.guild))
            over = "was cancelled" if one.status is SessionStatus.CANCELLED else "is over"
            closing = f"This room closes {stamp(closes_at, 'R')}, or as soon as everybody has left."
            return discord.ui.Container(ui.text(f"{both} the session {over}. {closing}"))


def _welcome(one: CoachingSession, both: str, *, can_extend: bool) -> discord.ui.Container[ui.Panel]:
    if one.status not in _RUNNING:
        # Its message can still be edited, so the room exists: the next session of the two has taken it over.
        next_ = "Your next session is in this room too." if one.room_removed_at else _GOES
        said = f"Session `{one.code}` {cards.STATUS_WORDS[one.status]}. {next_}"
        return discord.ui.Container(ui.text(f"{both}\n{said}"))
    if one.access_granted_at is None:  # it was opened for the old time, and somebody is still inside
        said = f"Your session was rescheduled: it now starts {stamp(one.starts_at, 'F')} and ends at"
        rest = f"{stamp(one.ends_at, 't')}. The room opens shortly before."
        return discord.ui.Container(ui.text(f"{both}\n{said} {rest}"))
    lines = [
        f"### Welcome {both}",
        f"This room is yours alone. The session starts {stamp(one.starts_at, 'R')} and ends at "
        f"{stamp(one.ends_at, 't')}.",
    ]
    notes = [ui.text(f"**Notes**\n{ui.quoted(one.notes, 1200)}")] if one.notes else []
    return discord.ui.Container(ui.text("\n".join(lines)), *notes, *_buttons(one, can_extend=can_extend))


def _buttons(one: CoachingSession, *, can_extend: bool) -> list[discord.ui.ActionRow[ui.Panel]]:
    if one.status not in _RUNNING:
        return []
    longer = [ui.button("+15 minutes", LONGER.format(session_id=one.id))] if can_extend else []
    return [ui.row(*longer, ui.button("End now", cards.END.format(session_id=one.id), discord.ButtonStyle.danger))]
