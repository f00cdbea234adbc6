"""The words of messages about workshops and their seats."""

from cogs import cards, ui
from cogs.cards.calendar import attach
from cogs.cards.calendar_file import Names
from cogs.cards.charge import how_to_pay
from cogs.cards.payment import paid_by_card
from cogs.cards.session_message import is_for_coach, session_card
from cogs.notifications import Extra, Words
from cogs.workshops import panels
from models import NotificationKind, ParticipantStatus, Payment
from scheduler.notifications.kinds import NotificationContext
from scheduler.sessions.charge_standing import ChargeStanding
from scheduler.workshops.notifications import WorkshopDetails


def _announced(context: NotificationContext) -> ui.Item:
    details: WorkshopDetails | None = context.details
    if details is None:
        return ui.text("### Workshop\nIt isn't here any more.")
    return panels.announcement(details.workshop, context.about_session, details.free, has_begun=details.has_begun)


def _created(context: NotificationContext) -> ui.Item:
    return session_card(context, "An admin announced a workshop of yours", has_file=True)


def _taken(context: NotificationContext) -> ui.Item:
    payment = _payment(context)
    if is_for_coach(context):
        return _for_coach(context, f"took a seat{paid_by_card(payment)}")
    seat = context.seat
    if seat is not None and seat.status is ParticipantStatus.LEFT:
        return session_card(context, "You had a seat")
    how = how_to_pay(context.guild, seat, payment)
    return session_card(context, f"You have a seat{paid_by_card(payment)}", has_file=True, more=how)


def _left(context: NotificationContext) -> ui.Item:
    seat = context.seat
    by_admin = seat is not None and seat.status is ParticipantStatus.LEFT and seat.cancelled_late is None
    if not is_for_coach(context):
        late = " late" if seat is not None and seat.cancelled_late else ""
        title = "An admin cancelled your seat" if by_admin else f"You gave your seat back{late}"
        return session_card(context, title, has_file=True, charged=_standing(context), is_final=True)
    return _for_coach(context, "had their seat cancelled by an admin" if by_admin else "gave their seat back")


def _standing(context: NotificationContext) -> ChargeStanding | None:
    details: WorkshopDetails | None = context.details
    return details.standing if details is not None else None


def _payment(context: NotificationContext) -> Payment | None:
    """Return what was paid by card for the seat that they have."""
    standing = _standing(context)
    return standing.payment if standing is not None and standing.refund is None else None


def _for_coach(context: NotificationContext, what: str) -> ui.Item:
    """Say in a few lines who did what, and how many seats are taken, since there may be fifty such messages."""
    one, seat, workshop = context.about_session, context.seat, context.workshop
    who = f"<@{seat.user_id}>" if seat is not None else "Someone"
    title = f"**{ui.quoted(workshop.title)}**" if workshop is not None else "your workshop"
    lines = [f"**{who} {what}**", cards.when(one.starts_at), title, cards.seats_taken(one, workshop)]
    return ui.Container(ui.text("\n".join(lines)))


def _file(context: NotificationContext, server: str) -> Extra:
    one, workshop = context.about_session, context.workshop
    if is_for_coach(context) and context.notification.kind is not NotificationKind.WORKSHOP_CREATED:
        return Extra([])
    title = workshop.title if workshop is not None else None
    names = Names(server, context.about_coach.display_name, None, title)
    payment = None if is_for_coach(context) else _payment(context)
    receipt_url = payment.receipt_url if payment is not None else None
    shown = attach(one, names, context.notification.user_id, receipt_url=receipt_url)
    return Extra(shown.items, [shown.file])


def _file_of_seat(context: NotificationContext, server: str) -> Extra:
    seat = context.seat
    has_left = seat is not None and seat.status is ParticipantStatus.LEFT
    return Extra([]) if has_left else _file(context, server)


WORDS = {
    NotificationKind.WORKSHOP_ANNOUNCEMENT: Words(_announced),
    NotificationKind.WORKSHOP_CREATED: Words(_created, _file),
    NotificationKind.SEAT_TAKEN: Words(_taken, _file_of_seat),
    NotificationKind.SEAT_LEFT: Words(_left, _file),
}
