"""Show a session in a notification."""

from collections.abc import Sequence

from cogs import cards, ui
from models import CoachingSession, SessionStatus
from scheduler.availability.free_times import takes_bookings
from scheduler.notifications.kinds import NotificationContext
from scheduler.sessions.charge_standing import ChargeStanding

_STATES = {
    SessionStatus.SCHEDULED: "rescheduled",
    SessionStatus.IN_PROGRESS: "started",
    SessionStatus.COMPLETED: "over",
    SessionStatus.CANCELLED: "cancelled",
    SessionStatus.NO_SHOW: "no-show",
}


def is_for_coach(context: NotificationContext) -> bool:
    """Return whether the message is for the session's coach, or for who was that until it was taken over."""
    return context.notification.user_id == context.about_session.coach_id or context.is_taken_over


def session_card(
    context: NotificationContext,
    title: str,
    *,
    most: int = 1200,
    has_file: bool = False,
    can_be_late: bool = False,
    charged: ChargeStanding | None = None,
    is_final: bool = False,
    more: Sequence[str] = (),
) -> ui.Item:
    """Show the session to its reader, and without buttons if the message is outdated. See `cards.of_session`.

    `is_final`: it isn't outdated by what becomes of the session. `more` are lines for as long as it isn't.
    """
    one, is_current = context.about_session, is_final or not context.is_outdated
    return cards.of_session(
        one,
        context.guild,
        title=title if is_current else f"{title} · {_became(context)}",
        viewer_id=context.notification.user_id,
        most=most,
        in_server=not context.in_dm,
        can_book=takes_bookings(context.about_coach),
        with_buttons=is_current,
        has_file=has_file,
        can_be_late=can_be_late,
        charged=charged,
        workshop=context.workshop,
        more=more if is_current else (),
    )


def your_session(context: NotificationContext) -> str:
    """Name the session for its reader: "Your session with @Cara", or a workshop by its title."""
    return _workshop(context) or f"Your session with <@{_other_id(context)}>"


def with_whom(context: NotificationContext) -> str:
    """Write who else is in the session: "With @Cara", or for a workshop also its title."""
    return _workshop(context) or f"With <@{_other_id(context)}>"


def _workshop(context: NotificationContext) -> str | None:
    one = context.about_session
    if not one.is_workshop:
        return None
    title = f"**{ui.quoted(context.workshop.title)}**" if context.workshop is not None else "Your workshop"
    return title if is_for_coach(context) else f"{title} with <@{one.coach_id}>"


def _other_id(context: NotificationContext) -> int:
    one = context.about_session
    return one.student_id if is_for_coach(context) else one.coach_id


def _became(context: NotificationContext) -> str:
    return "taken over by another coach" if context.is_taken_over else state(context.about_session)


def state(one: CoachingSession) -> str:
    """Return what has become of a session since a message was sent about it, in a word."""
    return _STATES[one.status]
