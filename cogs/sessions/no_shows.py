"""Who was there: no-shows, appeals, and sessions that the bot missed."""

from typing import Any

import discord

from cogs import cards, ui
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, on, opens
from models import Absent, BlockedFrom, CoachingSession, NotificationKind, SessionStatus
from scheduler.attendance import no_shows, outcomes
from scheduler.core.clock import stamp
from scheduler.core.limits import LONGEST_NOTES
from scheduler.notifications.kinds import NotificationContext
from scheduler.servers import settings

DECIDE = "session:appeal:{session_id}:of:{user_id}:decide:{granted}"
DECIDE_ONLY_ONE = "session:appeal:{session_id}:decide:{granted}"
"""On cards from when a session had only one appeal."""
HAPPENED = "session:happened:{session_id}:{answer}"
_REASON = "What happened"


class NoShowsCog(Cog):
    """Buttons about who was there; each is answered beside the message that it is on."""

    @on(cards.MARK_NO_SHOW)
    async def mark_pressed(self, interaction: Interaction, session_id: int) -> None:
        """The coach says that the student did not come."""
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            actor = ui.actor_of(interaction, None)
            await no_shows.mark_no_show(session, session_id, actor, self.bot.clock())
        await self._done(interaction, "It counts as a no-show of your student now. They are told, and may appeal.")

    @on(cards.WAS_HERE)
    async def was_here_pressed(self, interaction: Interaction, session_id: int) -> None:
        """The coach says that the student did come."""
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            actor = ui.actor_of(interaction, None)
            await no_shows.was_here_after_all(session, session_id, actor, self.bot.clock())
        await self._done(interaction, "It counts as completed now, and your student is told.")

    @on(cards.APPEAL)
    async def appeal_pressed(self, interaction: Interaction, session_id: int) -> None:
        """From a no-show: ask what happened. From the form: put it before the admins."""
        if interaction.type is not discord.InteractionType.modal_submit:
            await interaction.response.send_modal(await self.appeal_form(interaction, {}, session_id))
            return
        await ui.acknowledge_beside(interaction)
        reason = ui.typed_in(interaction).get(_REASON, "")
        async with self.bot.db.begin() as session:
            actor = ui.actor_of(interaction, None)
            await no_shows.appeal(session, session_id, actor, reason, self.bot.clock())
        await self._done(interaction, "The admins have got your appeal. You are told what they decide.")

    @opens(cards.APPEAL)
    async def appeal_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Asks what happened. Only for whoever counts as absent."""
        async with self.bot.db.read() as session:
            await no_shows.appealable(session, session_id, ui.actor_of(interaction, None), self.bot.clock())
        custom_id = cards.APPEAL.format(session_id=session_id)
        about = "An admin of the server reads this and decides."
        field = ui.field(_REASON, typed, description=about, long=True, most=LONGEST_NOTES)
        return ui.Form("You were there after all?", custom_id, field)

    @on(DECIDE)
    async def decision_pressed(
        self, interaction: Interaction, session_id: int, user_id: int, granted: int
    ) -> None:
        """An admin decides on this person's appeal; the card in the review channel follows."""
        await self._decide(interaction, session_id, user_id, granted=bool(granted))

    @on(DECIDE_ONLY_ONE)
    async def only_one_decided(self, interaction: Interaction, session_id: int, granted: int) -> None:
        """The same from an older card."""
        await self._decide(interaction, session_id, None, granted=bool(granted))

    async def _decide(
        self, interaction: Interaction, session_id: int, user_id: int | None, *, granted: bool
    ) -> None:
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor = ui.actor_of(interaction, guild)
            decided = await no_shows.decide_appeal(
                session, session_id, actor, guild.id, was_there=granted, now=self.bot.clock(), of=user_id
            )
        outcome = "The no-show stands."
        if decided.status is SessionStatus.COMPLETED:
            outcome = "It counts as completed now."
        elif granted:
            outcome = f"They now count as present. <@{_other(decided)}> is still a no-show."
        await self._done(interaction, f"{outcome} Both sides are told.")

    @on(HAPPENED)
    async def answer_pressed(self, interaction: Interaction, session_id: int, answer: int) -> None:
        """Whether a session took place that the bot missed."""
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            actor = ui.actor_of(interaction, None)
            await outcomes.say_whether_it_took_place(
                session, session_id, actor, interaction.guild_id, bool(answer), self.bot.clock()
            )
        noted = "that it took place" if answer else "that it did not take place"
        await self._done(interaction, f"Thank you. It is noted {noted}, and the other side is told.")

    async def _done(self, interaction: Interaction, said: str) -> None:
        self.bot.wake()
        await ui.show(interaction, ui.Panel(ui.text(said)))


def words(context: NotificationContext) -> discord.ui.Item[Any]:
    """What is said about who was there."""
    one = context.session
    assert one is not None, "who was there is a matter of a session"
    match context.notification.kind:
        case NotificationKind.NO_SHOW:
            return _no_show(context, one)
        case NotificationKind.ATTENDANCE_CHANGED:
            news = _news(one, context.notification.user_id)
            return ui.text(f"### {news}\nSession `{one.code}`, {stamp(one.starts_at)}.")
        case NotificationKind.SESSION_MISSED:
            return _missed(context, one)
        case _:
            return _appeal(context, one)


def _no_show(context: NotificationContext, one: CoachingSession) -> discord.ui.Container[Any]:
    me = context.notification.user_id
    is_coach = me == one.coach_id
    mine = one.absent is Absent.BOTH or one.absent is (Absent.COACH if is_coach else Absent.STUDENT)
    other = f"<@{one.student_id if is_coach else one.coach_id}>"
    if mine:
        title, hint = "You were not seen in your session", "If you were there, appeal, and an admin decides."
    elif is_coach:
        title, hint = "Your student did not come", "If they were there after all, say so."
    else:
        title, hint = "Your coach did not come", "We are sorry. An admin of the server can help you."
    text = f"### {title}\n{stamp(one.starts_at)} with {other}, code `{one.code}`. {hint}"
    buttons = cards.outcome_buttons(one, me)
    return discord.ui.Container(
        ui.text("\n".join([text, *cards.attendance_lines(one, context.details)])),
        *([ui.row(*buttons)] if buttons else []),
    )


def _other(one: CoachingSession) -> int:
    """The one of the two who didn't appeal."""
    return one.coach_id if no_shows.appellant(one) == one.student_id else one.student_id


def _news(one: CoachingSession, reader_id: int | None) -> str:
    attended = one.status is SessionStatus.COMPLETED
    # After a decision about the coach's appeal, the coach can still say that the student was there.
    by_the_coach = one.coach_id == one.absence_marked_by == no_shows.appellant(one)
    if one.appeal_decided_at is not None and not by_the_coach:
        if attended:
            return "An admin decided: you both count as present"
        if no_shows.is_absent(one, no_shows.appellant(one)):
            return "An admin decided: the no-show stands"
        other = "student" if reader_id == one.coach_id else "coach"
        if reader_id == no_shows.appellant(one):
            return f"An admin decided: you were there, but your {other} wasn't"
        return f"An admin decided: your {other} was there. You're still a no-show"
    if one.took_place is not None:
        return f"The other side says that it {'took place' if one.took_place else 'did not take place'}"
    return "It counts as completed after all"


def _missed(context: NotificationContext, one: CoachingSession) -> discord.ui.Container[Any]:
    other = one.student_id if context.notification.user_id == one.coach_id else one.coach_id
    text = (
        f"### Did it take place?\nI could not open a room for your session with <@{other}>, "
        f"{stamp(one.starts_at)}, and I am sorry. Did you meet all the same?"
    )
    if one.took_place is not None:
        return discord.ui.Container(ui.text(text))
    yes = ui.button("Yes, we met", HAPPENED.format(session_id=one.id, answer=1), discord.ButtonStyle.success)
    no = ui.button("No", HAPPENED.format(session_id=one.id, answer=0))
    return discord.ui.Container(ui.text(text), ui.row(yes, no))


def _appeal(context: NotificationContext, one: CoachingSession) -> discord.ui.Container[Any]:
    who = no_shows.appellant(one)
    pair = f"<@{one.coach_id}> with <@{one.student_id}>"
    lines = [
        f"### Appeal against a no-show\n<@{who}> says they were there.",
        f"Session `{one.code}` of {pair}, {stamp(one.starts_at)}.",
        *cards.attendance_lines(one, context.details),
        f"**What happened**\n{ui.block(ui.quoted(one.appeal_reason or ''))}",
    ]
    if one.appeal_decided_at is not None:
        outcome = "the no-show stands" if no_shows.is_absent(one, who) else "present after all"
        lines.append(f"**Decided** by <@{one.appeal_decided_by}> {stamp(one.appeal_decided_at, 'f')}: {outcome}")
        missed = one.absent in (Absent.STUDENT, Absent.BOTH)
        block = cards.block_button(one.student_id, BlockedFrom.BOOKING, (), "student")
        return discord.ui.Container(ui.text("\n".join(lines)), *([ui.row(block)] if missed else []))
    granted = ui.button(
        "They were there", DECIDE.format(session_id=one.id, user_id=who, granted=1), discord.ButtonStyle.success
    )
    if not no_shows.is_absent(one, who):
        lines.append("The coach says by now that the student was there. Only that can be confirmed.")
        return discord.ui.Container(ui.text("\n".join(lines)), ui.row(granted))
    refused = ui.button("The no-show stands", DECIDE.format(session_id=one.id, user_id=who, granted=0))
    return discord.ui.Container(ui.text("\n".join(lines)), ui.row(granted, refused))
