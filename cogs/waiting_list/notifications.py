"""The words of the waiting list's messages."""

from cogs import ui
from cogs.notifications import Words
from cogs.waiting_list import panels
from models import NotificationKind, Wish, WishEnd
from scheduler.notifications.kinds import NotificationContext
from scheduler.waiting_list.notifications import OfferDetails, WishDetails


def _offered(context: NotificationContext) -> ui.Item:
    details: OfferDetails | None = context.details
    if details is None:
        return ui.text("A time was offered to you. It's no longer on offer.")
    return panels.offer_card(details, context.guild, context.about_coach.display_name)


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
