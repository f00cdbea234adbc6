"""The words of the waiting list's messages."""

from cogs import cards, ui
from cogs.notifications import Words
from cogs.waiting_list import panels
from models import NotificationKind, OfferState, WishEnd
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
    offer, coach = details.offer, ui.quoted(context.about_coach.display_name)
    facts = f"{cards.length(offer.ends_at - offer.starts_at)} with {coach} · {panels.price(offer)}"
    if offer.state is not OfferState.OPEN:
        outcome = _CLOSED[offer.state]
        if offer.state in _KEEPS_PLACE and details.wish.ended_at is None:
            outcome += " You keep your place in line."
        words = f"**A time was offered to you**\n{cards.when(offer.starts_at)}\n{facts}\n{outcome}"
        return ui.Container(ui.text(words))
    held = (
        "We've told others, too. Whoever takes it first gets it."
        if offer.is_shared
        else f"It's yours until {stamp(offer.expires_at)}. Then we offer it to the next person in line."
    )
    name = context.about_coach.display_name if details.wish.coach_id is not None else None
    waiting = panels.describe(details.wish, name, details.zone_name)
    lines = [f"**A time is free**\n{cards.when(offer.starts_at)}\n{facts}", *panels.terms(offer, context.guild)]
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
    why = (
        "You didn't answer three offers, so we've stopped offering you times."
        if wish.end_reason is WishEnd.UNANSWERED
        else "Nothing became free in time."
    )
    waiting = panels.describe(wish, name, details.zone_name)
    return ui.text(
        f"**You're off the waiting list**\n{why}\nYou were waiting for {waiting}.\n"
        "To wait again, press **Tell me when…** in `/book`."
    )


WORDS = {
    NotificationKind.TIME_OFFERED: Words(_offered),
    NotificationKind.WISH_ENDED: Words(_ended),
}
