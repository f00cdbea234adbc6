"""The words of messages about payments."""

from cogs import cards, ui
from cogs.cards.charge import amount
from cogs.cards.payment import pay_buttons, receipt_button, what
from cogs.notifications import Words
from cogs.payments.panels import state
from models import UNDECIDED, NotificationKind, Payment, PaymentPurpose
from scheduler.core.clock import stamp
from scheduler.notifications.kinds import NotificationContext


def _about(context: NotificationContext) -> Payment:
    payment = context.details
    assert isinstance(payment, Payment)
    return payment


def _card(
    context: NotificationContext, title: str, *lines: str, buttons: list[ui.Button] | None = None
) -> ui.Item:
    payment, coach = _about(context), context.coach
    name = ui.quoted(coach.display_name) if coach is not None else "your coach"
    when = [cards.when(payment.starts_at)] if payment.starts_at is not None else []
    text = "\n".join((f"**{title}**", *when, f"{what(payment, name)} · {amount(payment)}", *lines))
    return ui.Container(ui.text(text), *ui.rows(*(buttons or [])))


def _open(context: NotificationContext) -> ui.Item:
    payment = _about(context)
    if payment.status not in UNDECIDED:
        return _card(context, "This payment is closed")
    until = f"You can pay until {stamp(payment.expires_at)}."
    return _card(context, "Pay to book this", until, buttons=pay_buttons(payment))


def _expired(context: NotificationContext) -> ui.Item:
    if _about(context).purpose is PaymentPurpose.PACKAGE:
        return _card(context, "Not paid", "Nothing was charged. `/credits` shows what you can buy.")
    if _about(context).purpose is PaymentPurpose.SEAT:
        return _card(context, "Not paid, so the seat isn't yours", "Nothing was charged. See `/workshop list`.")
    if _about(context).purpose is PaymentPurpose.LESSON:
        said = (
            "Nothing was charged. The lesson stays booked for now. To pay, press **Pay** in the message about it."
        )
        return _card(context, "Your lesson isn't paid for", said)
    said = "Nothing was charged. Choose a time again with `/book`."
    return _card(context, "Not paid, so not booked", said)


def _too_late(context: NotificationContext) -> ui.Item:
    payment = _about(context)
    if context.notification.user_id == payment.user_id:
        return _card(context, "Paid too late", state(payment))
    if payment.purpose is PaymentPurpose.SEAT:
        said = (
            "Someone paid when there was no seat left for them, and gets all of it back. You needn't do anything."
        )
        return _card(context, "Paid too late", said)
    if payment.purpose is PaymentPurpose.LESSON:
        said = "Your student paid for it too late, and gets all of it back. There's nothing for you to do."
        return _card(context, "Paid too late", said)
    said = "A student paid after the time was gone and gets all of it back. There's nothing for you to do."
    return _card(context, "Paid too late", said)


def _refunded(context: NotificationContext) -> ui.Item:
    said = "It's on its way to the card you paid with. Your bank may take a few days to show it."
    return _card(context, "Refunded", said, buttons=receipt_button(_about(context)))


WORDS = {
    NotificationKind.PAYMENT_OPEN: Words(_open),
    NotificationKind.PAYMENT_EXPIRED: Words(_expired),
    NotificationKind.PAYMENT_TOO_LATE: Words(_too_late),
    NotificationKind.REFUNDED: Words(_refunded),
}
