"""A payment by card, for whoever makes it."""

from cogs import routes, ui
from cogs.cards.charge import amount
from cogs.cards.session import length, when
from models import UNDECIDED, Payment, PaymentPurpose
from scheduler.core.clock import stamp
from scheduler.credits import packages
from scheduler.parsing.money import write_money
from scheduler.payments import records
from scheduler.reports.odd_prices import OddPrice


def odd_price(one: OddPrice) -> str:
    """Write what can't be paid by card, and why."""
    what = (
        f"<@{one.coach_id}>"
        if one.coach_id is not None
        else f"The package **{ui.quoted(one.package or '', 100)}**"
    )
    return f"{what}: {one.why}"


def paid_by_card(payment: Payment | None) -> str:
    """Write that a session was paid for, as the end of a title: " · paid by card". Empty if it wasn't."""
    if payment is None:
        return ""
    return " · paid by card" if payment.livemode else " · paid by card (TEST)"


def what(payment: Payment, coach: str) -> str:
    """Write what is paid for: how long, with the coach's name or mention, or which package."""
    if payment.starts_at is None or payment.ends_at is None:
        return f"Credit: {ui.quoted(records.name_of(payment), packages.LONGEST_NAME)}"
    if payment.purpose is PaymentPurpose.SEAT:
        return f"{ui.quoted(records.name_of(payment))} · {length(payment.ends_at - payment.starts_at)}"
    return f"{length(payment.ends_at - payment.starts_at)} with {coach}"


def pay_buttons(payment: Payment) -> list[ui.Button]:
    """Make the buttons of a payment that's open."""
    pay = (
        [ui.link(f"Pay {write_money(payment.amount_minor, payment.currency)}", payment.url)] if payment.url else []
    )
    return [
        *pay,
        ui.button("I've paid", routes.CHECK_PAYMENT.id(payment_id=payment.id)),
        ui.button("Don't pay", routes.CLOSE_PAYMENT.id(payment_id=payment.id)),
    ]


def receipt_button(payment: Payment) -> list[ui.Button]:
    """Make the button that leads to Stripe's receipt, which also shows refunds. None before it's paid."""
    return [ui.link("Receipt", payment.receipt_url)] if payment.receipt_url else []


def of_payment_without_session(payment: Payment, coach: str) -> ui.Item:
    """Show a payment that can still be made, or that came too late, in a list."""
    at = [when(payment.starts_at)] if payment.starts_at is not None else []
    is_open = payment.status in UNDECIDED
    state = (
        f"-# Not booked yet. You can pay until {stamp(payment.expires_at, 't')}."
        if is_open
        else "**Paid too late**, so you get all of it back. Your bank may take a few days to show it."
    )
    text = "\n".join((*at, f"{what(payment, coach)} · {amount(payment)}", state))
    return ui.Container(ui.text(text), *ui.rows(*(pay_buttons(payment) if is_open else [])))
