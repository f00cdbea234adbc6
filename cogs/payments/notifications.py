"""The words of messages about payments."""

from cogs import cards, ui
from cogs.notifications import Words
from cogs.payments.panels import amount, pay_buttons, state, what
from models import UNDECIDED, NotificationKind, Payment
from scheduler.core.clock import stamp
from scheduler.notifications.kinds import NotificationContext


def _about(context: NotificationContext) -> Payment:
    payment = context.details
    assert isinstance(payment, Payment)
    return payment


def _card(payment: Payment, title: str, *lines: str, buttons: list[ui.Button] | None = None) -> ui.Item:
    when = [cards.when(payment.starts_at)] if payment.starts_at is not None else []
    text = "\n".join((f"**{title}**", *when, f"{what(payment)} · {amount(payment)}", *lines))
    return ui.Container(ui.text(text), *ui.rows(*(buttons or [])))


def _open(context: NotificationContext) -> ui.Item:
    payment = _about(context)
    if payment.status not in UNDECIDED:
        return _card(payment, "This payment is closed")
    until = f"You can pay until {stamp(payment.expires_at)}."
    return _card(payment, "Pay to book this", until, buttons=pay_buttons(payment))


def _expired(context: NotificationContext) -> ui.Item:
    return _card(
        _about(context), "Not paid, so not booked", "Nothing was charged. Choose a time again with `/book`."
    )


def _too_late(context: NotificationContext) -> ui.Item:
    payment = _about(context)
    if context.notification.user_id == payment.user_id:
        return _card(payment, "Paid too late", state(payment))
    said = f"<@{payment.user_id}> paid after the time was gone and gets all of it back. There's nothing to do."
    return _card(payment, "Paid too late", said)


def _refunded(context: NotificationContext) -> ui.Item:
    said = "It's on its way to the card you paid with. Your bank may take a few days to show it."
    return _card(_about(context), "Refunded", said)


WORDS = {
    NotificationKind.PAYMENT_OPEN: Words(_open),
    NotificationKind.PAYMENT_EXPIRED: Words(_expired),
    NotificationKind.PAYMENT_TOO_LATE: Words(_too_late),
    NotificationKind.REFUNDED: Words(_refunded),
}
