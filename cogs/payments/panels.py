"""What becomes of a payment, for whoever makes it."""

from cogs import cards, routes, ui
from cogs.cards.charge import amount
from cogs.cards.payment import pay_buttons, receipt_button, what
from models import CreditLot, Payment, PaymentPurpose, PaymentStatus
from scheduler.core.clock import last_day, stamp

_GONE = {
    PaymentPurpose.SESSION: "The time was gone",
    PaymentPurpose.SEAT: "There was no seat left for you",
    PaymentPurpose.LESSON: "There was nothing to pay for the lesson any more",
    PaymentPurpose.PACKAGE: "You couldn't buy this any more",
}
"""Why something was paid for too late."""


def open_panel(payment: Payment, *, is_asked: bool = False) -> ui.Panel:
    """Show where to pay. `is_asked`: they said that they've paid."""
    is_session, is_seat = (payment.purpose is one for one in (PaymentPurpose.SESSION, PaymentPurpose.SEAT))
    is_lesson = payment.purpose is PaymentPurpose.LESSON
    lines = ["**Pay by card**"]
    if payment.starts_at is not None:
        lines.append(cards.when(payment.starts_at))
    lines += [f"{what(payment, f'<@{payment.coach_id}>')} · {amount(payment)}"]
    if payment.url is None:
        lines.append("Stripe isn't answering at the moment. We keep trying; press **I've paid** to look again.")
    elif is_asked:
        lines.append("Stripe hasn't told us of your payment yet. That usually takes a few seconds.")
    else:
        then = "We book it" if is_session else "It's yours" if is_seat or is_lesson else "You get it"
        lines.append(f"Press **Pay** to open Stripe's page. {then} as soon as you've paid.")
    until = stamp(payment.expires_at, "R")
    kept = "We hold the time for you. You" if is_session else "We hold the seat for you. You" if is_seat else "You"
    lines.append(f"-# {kept} can pay until {stamp(payment.expires_at, 't')}, {until}.")
    return ui.Panel(ui.Container(ui.text("\n".join(lines)), ui.row(*pay_buttons(payment))))


def package_panel(payment: Payment, lot: CreditLot) -> ui.Panel:
    """Show the credit that was bought."""
    receipt = ui.rows(*receipt_button(payment))
    until = f" They're valid until {last_day(lot.valid_until)}." if lot.valid_until else ""
    said = f"**Paid ✅**\nYou have {lot.minutes_left} more minutes of credit.{until} Book with `/book`."
    return ui.Panel(ui.Container(ui.text(said), *receipt))


def state_panel(payment: Payment) -> ui.Panel:
    """Say why nothing was booked."""
    again: list[ui.Button] = []
    if payment.purpose is PaymentPurpose.SEAT:
        again = [ui.button("All workshops", routes.WORKSHOPS.id(page=0))]
    elif payment.purpose is PaymentPurpose.LESSON:
        again = []
    elif payment.coach_id is not None and payment.starts_at is not None and payment.ends_at is not None:
        minutes = int((payment.ends_at - payment.starts_at).total_seconds() // 60)
        ids = {"coach_id": payment.coach_id, "minutes": minutes, "day": 0, "page": 0}
        again = [ui.button("Choose a time", routes.BOOK_COACH.id(**ids))]
    return ui.Panel(ui.Container(ui.text(state(payment)), *ui.rows(*again)))


def state(payment: Payment) -> str:
    """Say what became of a payment without a booking."""
    match payment.status:
        case PaymentStatus.PAID:
            gone = _GONE[payment.purpose]
            return (
                f"**{gone} when your payment of {amount(payment)} arrived.** You get all of it back. Your bank "
                "may take a few days to show it."
            )
        case PaymentStatus.REFUSED if payment.payment_intent_id is not None:
            return (
                "**You've paid, but not what we asked for, so nothing was booked.** An admin of the server has "
                "been told and will sort it out with you."
            )
        case PaymentStatus.REFUSED:
            return "**This can't be paid by card at the moment.** Nothing was charged. Ask an admin of the server."
        case _ if payment.purpose is PaymentPurpose.LESSON:
            return "**This lesson isn't paid for.** Nothing was charged. It stays booked for now."
        case _ if payment.purpose is PaymentPurpose.PACKAGE:
            return "**This wasn't paid.** Nothing was charged."
        case _:
            return "**This wasn't paid, so it isn't booked.** Nothing was charged."
