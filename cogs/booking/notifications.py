"""The words of messages about a booking and its changes."""

from cogs import ui
from cogs.cards.calendar import attach
from cogs.cards.calendar_file import Names
from cogs.cards.cancellation import others_stay
from cogs.cards.charge import how_to_pay
from cogs.cards.payment import paid_by_card
from cogs.cards.session_message import is_for_coach, session_card
from cogs.notifications import Extra, Words
from models import NotificationKind, Payment
from scheduler.booking.notifications import CancelledDetails
from scheduler.notifications.kinds import NotificationContext
from scheduler.sessions.lessons import OneOf


def _booked(context: NotificationContext) -> ui.Item:
    title = "New booking" if is_for_coach(context) else "Session booked"
    seat = None if is_for_coach(context) else context.seat
    how = how_to_pay(context.guild, seat, context.details)
    return session_card(context, f"{title}{paid_by_card(context.details)}", has_file=True, more=how)


def _rescheduled(context: NotificationContext) -> ui.Item:
    by = _by(context, context.about_session.rescheduled_by)
    more = others_stay(context.details)
    return session_card(context, f"Session rescheduled by {by}", has_file=True, more=more)


def _cancelled(context: NotificationContext) -> ui.Item:
    one = context.about_session
    what = "Workshop" if one.is_workshop else "Session"
    by = "" if one.is_workshop and one.cancelled_by is None else f" by {_by(context, one.cancelled_by)}"
    details: CancelledDetails = context.details
    more = others_stay(details.lesson)
    return session_card(context, f"{what} cancelled{by}", charged=details.standing, more=more)


def _person_left(context: NotificationContext) -> ui.Item:
    is_workshop = context.about_session.is_workshop
    student = "A participant" if is_workshop else "Your student"
    other, what = student if is_for_coach(context) else "Your coach", "workshop" if is_workshop else "session"
    still = "" if context.is_outdated else f". Your {what} is still booked."
    return session_card(context, f"{other} has left the server{still}")


def _by(context: NotificationContext, user_id: int | None) -> str:
    one = context.about_session
    names = {
        None: "the bot",
        one.coach_id: "your coach",
        **({} if one.is_workshop else {one.student_id: "your student"}),
        context.notification.user_id: "you",  # last, because the reader is one of the two
    }
    return names.get(user_id, "an admin")


def _file_and_receipt(context: NotificationContext, server: str) -> Extra:
    payment: Payment | None = context.details
    receipt_url = payment.receipt_url if payment is not None and not is_for_coach(context) else None
    return _calendar_file(context, server, receipt_url=receipt_url)


def _calendar_file(context: NotificationContext, server: str, *, receipt_url: str | None = None) -> Extra:
    one, workshop = context.about_session, context.workshop
    student = None if one.is_workshop else context.names.get(one.student_id)
    title = workshop.title if workshop is not None else None
    names = Names(server, context.about_coach.display_name, student, title)
    details = context.details
    lesson = details.lesson if isinstance(details, CancelledDetails) else details
    shown = attach(
        context.about_session,
        names,
        context.notification.user_id,
        receipt_url=receipt_url,
        lesson=lesson if isinstance(lesson, OneOf) else None,
    )
    return Extra(shown.items, [shown.file])


WORDS = {
    NotificationKind.SESSION_BOOKED: Words(_booked, _file_and_receipt),
    NotificationKind.SESSION_RESCHEDULED: Words(_rescheduled, _calendar_file),
    NotificationKind.SESSION_CANCELLED: Words(_cancelled, _calendar_file),
    NotificationKind.PERSON_LEFT: Words(_person_left),
}
