"""Say what a session costs, and what becomes of the credit or the card payment it was booked with."""

from datetime import datetime, timedelta

from cogs import routes, ui
from models import CoachingSession, Guild, Participant, Payment, Refund, RefundStatus
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.credits.charges import Charge, charge_if_cancelled, charge_of
from scheduler.credits.packages import USUAL_VALIDITY
from scheduler.parsing.money import write_money
from scheduler.sessions import charge_standing
from scheduler.sessions.charge_standing import ChargeStanding

_TERMS = f"for this coach or one who doesn't cost more, valid for {USUAL_VALIDITY} days"


def encode_currency(code: str) -> int:
    """Encode a currency for a `custom_id`, which only holds numbers. `decode_currency` decodes it."""
    return int.from_bytes(code.encode()[:7], "big")


def decode_currency(number: int) -> str:
    """Decode a currency that `encode_currency` encoded."""
    return number.to_bytes(8, "big").lstrip(b"\0").decode(errors="replace")


def minutes(seat: Participant) -> str:
    """Write how many minutes of credit somebody's part in a session was booked with."""
    count = seat.credit_minutes or 0
    return f"{count} minute{'' if count == 1 else 's'}"


def price(one: CoachingSession, extra_minor: int = 0) -> str:
    """Write what a session for one costs, with `extra_minor` more: "$60.00", "60 minutes of credit and $15.00"."""
    return seat_price(one.student, extra_minor)


def seat_price(seat: Participant, extra_minor: int = 0) -> str:
    """Write what a session costs one of its participants, with `extra_minor` more."""
    return _price(seat, seat.total_cost_minor + extra_minor)


def booked_price(seat: Participant) -> str:
    """Write what a session cost as it was booked, before it was extended."""
    return _price(seat, seat.booked_cost)


def _price(seat: Participant, minor: int) -> str:
    currency = seat.session.currency
    if seat.credit_minutes is None:
        return write_money(minor, currency)
    return f"{minutes(seat)} of credit{f' and {write_money(minor, currency)}' if minor else ''}"


def outcome(one: CoachingSession, viewer_id: int | None) -> list[str]:
    """Write what became of the credit, in a line. Nothing before the end, or without credit."""
    seat = one.part_shown_to(viewer_id)
    if seat is None or seat.credit_minutes is None or charge_of(seat) is Charge.RESERVED:
        return []
    if seat.credit_charged_at is not None:
        return [f"{minutes(seat)} of credit charged"]
    if charge_of(seat) is Charge.CHARGED:
        return [f"Not charged: the {minutes(seat)} had been given back, and too little credit was left"]
    waived = "Charge waived: " if seat.charge_waived_by == one.coach_id else ""
    return [f"{waived}{minutes(seat)} {_are_back(seat, viewer_id)}"]


def _are_back(seat: Participant, viewer_id: int | None, are: str = "are") -> str:
    verb = "is" if (are, seat.credit_minutes) == ("are", 1) else are
    return f"{verb} back in {_whose(seat, viewer_id)} credit"


def _whose(seat: Participant, viewer_id: int | None) -> str:
    return {seat.user_id: "your", seat.coach_id: "your student's"}.get(viewer_id or 0, "the student's")


def waived(one: CoachingSession, standing: ChargeStanding | None, viewer_id: int) -> str:
    """Write what became of a charge that's waived, to whoever waived it."""
    if standing is None or standing.payment is None:
        return " ".join(outcome(one, viewer_id))
    return f"Charge waived: {amount(standing.payment)} goes back to {_whose(one.student, viewer_id)} card"


def disputed(standing: ChargeStanding | None) -> list[str]:
    """Write that the charge is disputed, or what an admin decided, in a line."""
    if standing is None or (dispute := standing.dispute) is None:
        return []
    if dispute.decided_at is None:
        return [f"**Disputed** {stamp(dispute.opened_at, 'f')}. An admin will decide."]
    what = "minutes" if standing.payment is None else "money"
    return [f"**Disputed** An admin {f'gave the {what} back' if dispute.given_back else 'kept the charge'}."]


def pay_lesson_button(one: CoachingSession) -> ui.Button:
    """Make the button that leads to paying for a weekly lesson by card."""
    cost = one.student.total_cost_minor
    agreed = {"session_id": one.id, "cost": cost, "currency": encode_currency(one.currency)}
    return ui.button(f"Pay {write_money(cost, one.currency)}", routes.PAY_LESSON.id(**agreed), ui.PRIMARY)


def buttons(one: CoachingSession, standing: ChargeStanding | None) -> list[ui.Button]:
    """Make the button that pays for a lesson, or waives or disputes the charge, for a reader who can."""
    if standing is None:
        return []
    if standing.can_pay:
        return [pay_lesson_button(one)]
    if standing.can_waive:
        return [ui.button("Waive charge", routes.WAIVE_CHARGE.id(session_id=one.id))]
    if standing.can_dispute:
        return [ui.button("Dispute charge…", routes.DISPUTE_CHARGE.id(session_id=one.id))]
    return []


def if_cancelled(one: CoachingSession, guild: Guild, actor: Actor, now: datetime) -> list[str]:
    """Write what this actor has to know before they cancel: whether it's late, and what becomes of the credit."""
    lines: list[str] = []
    seat = one.student
    is_charged = charge_if_cancelled(one, guild, actor, now) is Charge.CHARGED
    if cancellation.is_late(one, guild, actor, now):
        lines.append(f"⚠️ It starts {stamp(one.starts_at, 'R')}, so this is a **late cancellation**.")
    elif actor.user_id == seat.user_id and guild.cancel_notice_minutes:
        lines.append(f"You can cancel for free until {stamp(cancellation.notice_ends_at(one, guild))}.")
    if seat.credit_minutes is not None and is_charged:
        lines.append(f"Your {minutes(seat)} of credit will be charged.")
    elif seat.credit_minutes is not None:
        lines.append(f"{minutes(seat)} {_are_back(seat, actor.user_id, 'will be')}.")
    return lines


def amount(payment: Payment) -> str:
    """Write the amount, and that it's a test if it is."""
    written = write_money(payment.amount_minor, payment.currency)
    return written if payment.livemode else f"{written} (TEST: no money moves)"


def refund_lines(one: CoachingSession, standing: ChargeStanding | None, viewer_id: int | None) -> list[str]:
    """Write that what was paid by card is charged, or what becomes of its refund, in a line. Nothing before."""
    seat = one.part_shown_to(viewer_id)
    if seat is None or standing is None or (payment := standing.payment) is None:
        return []
    if (refund := standing.refund) is None:
        return [f"{amount(payment)} charged"] if seat.credit_charged_at is not None else []
    money, whose = amount(payment), _whose(seat, viewer_id)
    match refund.status:
        case RefundStatus.OWED if standing.can_choose and refund.next_try_at is not None:
            until = stamp(refund.next_try_at, "f")
            said = (
                f"{money} goes back to your card {until}. Until then, you can keep it as {kept_as(one, refund)}."
            )
        case RefundStatus.OWED:
            said = f"{money} goes back to {whose} card"
        case RefundStatus.DONE:
            said = f"{money} went back to {whose} card"
        case RefundStatus.KEPT:
            said = f"{money} was kept as {kept_as(one, refund)}"
        case RefundStatus.FAILED:
            said = f"{money} couldn't be paid back to {whose} card. An admin will pay it back another way."
    return [f"**Refund** {said}"]


def is_kept(standing: ChargeStanding | None) -> bool:
    """Whether it was paid by card, and nothing of it is paid back."""
    return standing is not None and standing.payment is not None and standing.refund is None


def refund_if_cancelled(
    one: CoachingSession, standing: ChargeStanding | None, viewer_id: int, *, is_late: bool
) -> list[str]:
    """Write what becomes of what was paid by card if this reader cancels now, in a line."""
    if standing is None or standing.payment is None or standing.refund is not None:
        return []
    money = amount(standing.payment)
    if is_late:
        return [f"The {money} you paid isn't refunded."]
    if viewer_id != one.student_id:
        whose = "Your student" if viewer_id == one.coach_id else "The student"
        return [f"{whose} gets {money} back, as money or as credit."]
    return [back_or_credit(money, one.booked_duration // timedelta(minutes=1))]


def back_or_credit(money: str, credit_minutes: int) -> str:
    """Write what whoever paid by card and gets it back can choose from."""
    return f"You get {money} back. As credit it's {_credit(credit_minutes)}, {_TERMS}."


def refund_buttons(standing: ChargeStanding | None) -> list[ui.Button]:
    """Make the buttons that choose between money and credit, for a reader who can."""
    if standing is None or standing.payment is None or not standing.can_choose:
        return []
    return [
        ui.button("Keep as credit", routes.KEEP_AS_CREDIT.id(payment_id=standing.payment.id)),
        ui.button("Money back now", routes.REFUND_NOW.id(payment_id=standing.payment.id)),
    ]


def kept_as(one: CoachingSession, refund: Refund) -> str:
    """Write the credit that a refund can be kept as: "60 minutes of credit"."""
    return _credit(charge_standing.credit_instead(one, refund))


def _credit(count: int) -> str:
    return f"{count} minute{'' if count == 1 else 's'} of credit"


def how_to_pay(guild: Guild, seat: Participant | None, payment: Payment | None) -> list[str]:
    """Repeat how to pay, in a line, to whoever has booked and pays neither by card nor with credit."""
    owes = seat is not None and seat.total_cost_minor and seat.credit_minutes is None and payment is None
    return (
        [f"**How to pay** {ui.quoted(guild.payment_instructions)}"] if owes and guild.payment_instructions else []
    )
