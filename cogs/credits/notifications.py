"""The words of messages about credit, and the cards for admins to decide on disputes and requests."""

from collections.abc import Sequence

from cogs import cards, routes, ui
from cogs.cards.session_message import is_for_coach, state, with_whom
from cogs.credits import lots, orders
from cogs.notifications import Words
from cogs.ui.routing import beside
from models import CoachingSession, LotSource, NotificationKind, Participant, Payment, SeriesPayment, SessionStatus
from scheduler.core.clock import last_day, stamp
from scheduler.core.markup import with_names
from scheduler.credits.lessons import Unpaid
from scheduler.credits.notifications import DisputeDetails, LotDetails
from scheduler.credits.orders import Ordered
from scheduler.notifications.kinds import NotificationContext
from scheduler.series.pay_steps import PAID_BEFORE
from scheduler.time.local_time import MINUTE

_TITLES = {
    LotSource.GRANT: "An admin gave you {}",
    LotSource.PACKAGE: "You got {}",
    LotSource.MAKE_UP: "You got {} to make up for a session",
    LotSource.REFUND: "You got {} instead of a refund",
}
_WHY_CHARGED = {
    SessionStatus.COMPLETED: "it took place",
    SessionStatus.CANCELLED: "it was cancelled late",
    SessionStatus.NO_SHOW: "the student missed it",
}


def _granted(context: NotificationContext) -> ui.Item:
    details: LotDetails | None = context.details
    if not details:
        return ui.text("### You got credit\nSee it with `/credits`.")
    lot, facts = details.lot, details.facts
    size = lots.minutes(facts.sizes.get(lot.id) or lot.minutes_left)
    lines = [f"### {_TITLES.get(lot.source, 'You got {}').format(f'{size} of credit')}"]
    if lot.source is LotSource.GRANT and lot.reason:
        lines.append(f"**Reason**\n{ui.block(ui.quoted(lot.reason))}")
    elif lot.source is not LotSource.GRANT:
        lines.append(f"**For** {lots.origin(lot, facts)}")
    lines.append(f"**Valid** {f'until {last_day(lot.valid_until)}' if lot.valid_until else 'with no end'}")
    if only := lots.lot_scope(lot, facts):
        lines.append(f"**Only** {only}")
    lines.append("You can use it when you book with `/book`. `/credits` shows what you have.")
    return ui.text(_named("\n".join(lines), context, details))


def _low(context: NotificationContext) -> ui.Item:
    left = f"{lots.minutes(context.details)} of credit" if context.details else "no credit"
    return ui.text(f"### You have {left} left\nTo get more, use `/credits` in the server.")


def _ending(context: NotificationContext) -> ui.Item:
    details: LotDetails | None = context.details
    ends_at = details.lot.valid_until if details else None
    if not details or ends_at is None:
        return ui.text("### Some of your credit ends soon\nSee it with `/credits`.")
    lot = details.lot
    lines = [
        f"### {lots.minutes(lot.minutes_left).capitalize()} of your credit end soon",
        f"**Last day** {last_day(ends_at)}",
        f"**From** {lots.origin(lot, details.facts)}",
    ]
    if only := lots.lot_scope(lot, details.facts):
        lines.append(f"**Only** {only}")
    lines.append("Book a session until then with `/book`. What's left afterwards is gone.")
    return ui.text(_named("\n".join(lines), context, details))


def _named(words: str, context: NotificationContext, details: LotDetails) -> str:
    """Write names in direct messages. Only those of coaches are in it."""
    return with_names(words, {**context.names, **details.coaches}) if context.in_dm else words


def _lesson_to_pay(context: NotificationContext) -> ui.Item:
    one, found = context.about_session, context.details
    if context.is_outdated or not found:
        return _lesson(context, "A lesson to pay for" if context.is_outdated else "Your lesson is paid for")
    unpaid: Unpaid = found
    with_credit = unpaid.series.pays_with is SeriesPayment.CREDIT
    lines = [_too_little(one, unpaid) if with_credit else f"**Price** {cards.charge.price(one)}"]
    if not unpaid.by_card:
        lines += cards.charge.how_to_pay(context.guild, one.student, None)
    if with_credit or unpaid.by_card:
        otherwise = " Otherwise it's cancelled." if context.guild.cancels_unpaid_lessons else ""
        lines.append(f"You can pay until {stamp(unpaid.decided_at)}.{otherwise}")
    title = "Your credit isn't enough for this lesson" if with_credit else "Pay for your lesson"
    buttons = [cards.charge.pay_lesson_button(one)] if unpaid.by_card else []
    buttons += [_credit_button(context)] if with_credit else []
    return _lesson(context, title, *lines, buttons=buttons)


def _lesson_credit_short(context: NotificationContext) -> ui.Item:
    one, found = context.about_session, context.details
    if context.is_outdated or not found:
        return _lesson(context, "A lesson to pay for" if context.is_outdated else "Your lesson is paid for")
    by = stamp(one.starts_at - PAID_BEFORE)
    lines = _too_little(one, found), f"It's taken on {by}. Get more until then."
    title = "Your credit won't be enough for this lesson"
    return _lesson(context, title, *lines, buttons=[_credit_button(context)])


def _lesson(context: NotificationContext, title: str, *lines: str, buttons: Sequence[ui.Button] = ()) -> ui.Item:
    one = context.about_session
    became = f" · {state(one)}" if context.is_outdated else ""
    said = f"**{title}{became}**", cards.when(one.starts_at), f"{with_whom(context)} · Code `{one.code}`", *lines
    return ui.Container(ui.text("\n".join(said)), *ui.rows(*buttons))


def _too_little(one: CoachingSession, lesson: Unpaid) -> str:
    return f"It takes {lots.minutes(one.duration // MINUTE)} of credit, and you have {lesson.credit} for it."


def _credit_button(context: NotificationContext) -> ui.Button:
    return ui.button("Your credit", beside(routes.CREDITS.id(guild_id=context.guild.id, page=0)))


def _waived(context: NotificationContext) -> ui.Item:
    one, payment, seat = context.about_session, context.details, context.seat
    who = "Your coach" if seat is not None and seat.charge_waived_by == one.coach_id else "An admin"
    where = "The money goes back to the card you paid with." if payment else "`/credits` shows what you have."
    return ui.text(
        f"**{who} gave you back {_charged(seat, payment)}**\n{cards.when(one.starts_at)}\n"
        f"{with_whom(context)} · Code `{one.code}`\nThis session isn't charged. {where}"
    )


def _dispute_card(context: NotificationContext) -> ui.Item:
    one, details, seat = context.about_session, context.details, context.seat
    payment = details.payment if details else None
    who = f"<@{seat.user_id}>" if seat is not None else "Someone"
    were = "was" if payment else "were"
    lines = [
        f"### Disputed charge\n{who} disputes that {_charged(seat, payment)} {were} charged.",
        f"Session `{one.code}` of <@{one.coach_id}> with {who}, {stamp(one.starts_at)}.",
    ]
    if why := _WHY_CHARGED.get(one.status):
        lines.append(f"It was charged because {why}.")
    if not details:
        return ui.Container(ui.text("\n".join(lines)))
    found: DisputeDetails = details
    lines += cards.attendance_lines(one, found.attended)
    lines.append(f"**What they say**\n{ui.block(ui.quoted(found.dispute.reason))}")
    if found.dispute.decided_at is not None:
        given_back = "money given back" if payment else "minutes given back"
        outcome = given_back if found.dispute.given_back else "charge kept"
        when = stamp(found.dispute.decided_at, "f")
        lines.append(f"**Decided** by <@{found.dispute.decided_by}> {when}: {outcome}")
        return ui.Container(ui.text("\n".join(lines)))
    if seat is not None and seat.charge_waived_at is not None:
        by = "The coach" if seat.charge_waived_by == one.coach_id else "An admin"
        what = "money is on its way back" if payment else "minutes are back"
        lines.append(f"{by} has waived the charge since, so the {what} already.")
    ids = {"session_id": one.id, "user_id": found.dispute.user_id}
    back = ui.button("Give back", orders.DECIDE.id(**ids, granted=1), ui.SUCCESS)
    keep = ui.button("Keep the charge", orders.DECIDE.id(**ids, granted=0))
    return ui.Container(ui.text("\n".join(lines)), ui.row(back, keep))


def _dispute_decided(context: NotificationContext) -> ui.Item:
    one, found = context.about_session, context.details
    seat, whom = context.seat, "you"
    if is_for_coach(context):
        whom = f"<@{seat.user_id}>" if seat is not None and one.is_workshop else "your student"
    news = "An admin kept the charge"
    if found and found.dispute.given_back:
        news = f"An admin gave {whom} back {_charged(seat, found.payment)}"
    return ui.text(f"**{news}**\n{cards.when(one.starts_at)}\n{with_whom(context)} · Code `{one.code}`")


def _charged(seat: Participant | None, payment: Payment | None) -> str:
    if payment:
        return cards.charge.amount(payment)
    return f"{lots.minutes(seat.credit_minutes or 0 if seat is not None else 0)} of credit"


def _order_card(context: NotificationContext) -> ui.Item:
    ordered: Ordered | None = context.details
    return orders.card(ordered) if ordered else ui.text("### Request for credit\nIt's no longer open.")


def _order_declined(context: NotificationContext) -> ui.Item:
    ordered: Ordered | None = context.details
    what = f"**{ui.quoted(ordered.package.name, 100)}**" if ordered else "credit"
    return ui.text(
        f"### Your request for credit was declined\nAn admin declined your request for {what}. Maybe they haven't "
        "seen your payment. Ask an admin of the server, then ask again with `/credits`."
    )


WORDS = {
    NotificationKind.CREDITS_GRANTED: Words(_granted),
    NotificationKind.CREDITS_LOW: Words(_low),
    NotificationKind.CREDITS_ENDING: Words(_ending),
    NotificationKind.LESSON_CREDIT_SHORT: Words(_lesson_credit_short),
    NotificationKind.LESSON_TO_PAY: Words(_lesson_to_pay),
    NotificationKind.CHARGE_WAIVED: Words(_waived),
    NotificationKind.DISPUTE_CARD: Words(_dispute_card),
    NotificationKind.DISPUTE_DECIDED: Words(_dispute_decided),
    NotificationKind.ORDER_CARD: Words(_order_card),
    NotificationKind.ORDER_DECLINED: Words(_order_declined),
}
