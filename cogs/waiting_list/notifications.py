"""The words of the waiting list's messages."""

from cogs import cards, ui
from cogs.notifications import Words
from cogs.waiting_list import panels
from models import NotificationKind, OfferState, Wish, WishEnd
from scheduler.core.clock import stamp
from scheduler.notifications.kinds import NotificationContext
from scheduler.waiting_list.notifications import OfferDetails, WishDetails

_CLOSED = {
    OfferState.PAYING: "You're paying for it. `/sessions` shows where.",
    OfferState.TAKEN: "You've booked it.",
    OfferState.RESCHEDULED: "You've moved your session to it.",
    OfferState.PASSED: "We've passed it on.",
    OfferState.LAPSED: "It ran out before you answered.",
    OfferState.UNDELIVERED: "This offer is over.",
    OfferState.WITHDRAWN: "It's no longer on offer.",
}
_KEEPS_PLACE = (OfferState.PASSED, OfferState.LAPSED)


def _offered(context: NotificationContext) -> ui.Item:
    details: OfferDetails | None = context.details
    if details is None:
        return ui.text("A time was offered to you. It's no longer on offer.")
    offer, workshop, what = details.offer, details.workshop, "time" if details.workshop is None else "seat"
    facts = panels.facts(offer, context.about_coach.display_name, workshop)
    if offer.state is not OfferState.OPEN:
        outcome = _CLOSED[offer.state]
        if workshop is not None and offer.state is OfferState.TAKEN:
            outcome = "You've taken it."
        if offer.state in _KEEPS_PLACE and details.wish.ended_at is None:
            outcome += " You keep your place in line."
        words = f"**A {what} was offered to you**\n{cards.when(offer.starts_at)}\n{facts}\n{outcome}"
        return ui.Container(ui.text(words))
    held = (
        "We've told others, too. Whoever takes it first gets it."
        if offer.is_shared
        else f"It's yours until {stamp(offer.expires_at)}. Then we offer it to the next person in line."
    )
    name = context.about_coach.display_name if details.wish.coach_id is not None else None
    waiting = (
        panels.describe(details.wish, name, details.zone_name)
        if workshop is None
        else panels.describe_seat(workshop)
    )
    lines = [f"**A {what} is free**\n{cards.when(offer.starts_at)}\n{facts}"]
    lines += panels.terms(offer, context.guild, is_seat=workshop is not None)
    lines += [held, f"-# You're waiting for {waiting}."]
    return ui.Container(ui.text("\n".join(lines)), *ui.rows(*_buttons(details)))


def _buttons(details: OfferDetails) -> list[ui.Button]:
    offer = details.offer
    buttons = [
        ui.button("Take it", panels.TAKE.id(offer_id=offer.id), ui.SUCCESS),
        ui.button("Pass", panels.PASS.id(offer_id=offer.id)),
    ]
    if details.later is not None:
        buttons.append(ui.button("Move my session here", panels.RESCHEDULE.id(offer_id=offer.id)))
    return [*buttons, ui.button("Stop telling me", panels.STOP.id(wish_id=offer.wish_id))]


def _ended(context: NotificationContext) -> ui.Item:
    details: WishDetails | None = context.details
    if details is None:
        return ui.text("You aren't on the waiting list any more.")
    wish = details.wish
    name = context.coach.display_name if context.coach is not None and wish.coach_id is not None else None
    waiting = (
        panels.describe(wish, name, details.zone_name)
        if details.workshop is None
        else panels.describe_seat(details.workshop)
    )
    again = "press **Tell me when…** in `/book`" if details.workshop is None else "find it in `/workshop list`"
    lines = ["**You're off the waiting list**", _why(wish), f"You were waiting for {waiting}."]
    if wish.end_reason is WishEnd.UNANSWERED or details.workshop is None:
        lines.append(f"To wait again, {again}.")
    return ui.text("\n".join(lines))


def _why(wish: Wish) -> str:
    if wish.end_reason is WishEnd.CANCELLED:
        return "The workshop was cancelled."
    if wish.end_reason is WishEnd.UNANSWERED:
        what = "times" if wish.session_id is None else "seats"
        return f"You didn't answer three offers, so we've stopped offering you {what}."
    return "Nothing became free in time."


WORDS = {
    NotificationKind.TIME_OFFERED: Words(_offered),
    NotificationKind.WISH_ENDED: Words(_ended),
}
