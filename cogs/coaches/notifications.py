"""The words of messages to coaches and applicants, and the card for admins to decide on an application."""

from cogs import cards, ui
from cogs.notifications import Words
from models import NotificationKind
from scheduler.coaches.notifications import ApplicationDetails
from scheduler.notifications.kinds import NotificationContext

_APPROVED = (
    "### You're a coach now 🎉\nYour application was approved. **Next step:** set your hours in the server with "
    "`/availability`. Students can then book you with `/book`."
)
_REINSTATED = "### You can coach again\nYour hours haven't changed. Check them with `/availability`."
_RULES_GIVEN = (
    "### An admin gave all coaches the same booking rules\nSee yours in `/availability`, under **Rules**. Press "
    "**Undo** there to get your old ones back. Booked sessions don't change."
)


def _application_card(context: NotificationContext) -> ui.Item:
    details: ApplicationDetails = context.details
    return cards.of_application(context.about_coach, details.specialties, details.history, details.blocked)


def _rejected(context: NotificationContext) -> ui.Item:
    return ui.text(
        f"### Your application to coach was rejected\n**Reason**\n{_reason(context)}\n"
        "You can apply again with `/coach apply`."
    )


def _suspended(context: NotificationContext) -> ui.Item:
    return ui.text(
        f"### Your coaching was suspended\n**Reason**\n{_reason(context)}\n"
        "Nobody can book you for now. `/sessions` lists your upcoming sessions."
    )


def _reason(context: NotificationContext) -> str:
    return ui.block(ui.quoted(context.about_coach.decision_reason or "", 1000))


def _currency_changed(context: NotificationContext) -> ui.Item:
    coach, currency = context.about_coach, context.guild.currency
    return ui.text(
        f"### This server now uses {currency}\nYou still charge {cards.rate(coach)}. **Next step:** in "
        f"the server, use `/coach edit`, choose {currency} and enter your new rate. Booked sessions keep "
        "their price."
    )


def _rate_set(context: NotificationContext) -> ui.Item:
    coach, currency = context.about_coach, context.guild.currency
    return ui.text(
        f"### An admin changed your rate\nYou now charge {cards.rate(coach)}, because this server uses "
        f"{currency}. You can change it with `/coach edit`. Booked sessions keep their price."
    )


WORDS = {
    NotificationKind.APPLICATION_CARD: Words(_application_card),
    NotificationKind.APPLICATION_APPROVED: Words(lambda _: ui.text(_APPROVED)),
    NotificationKind.APPLICATION_REJECTED: Words(_rejected),
    NotificationKind.COACH_SUSPENDED: Words(_suspended),
    NotificationKind.COACH_REINSTATED: Words(lambda _: ui.text(_REINSTATED)),
    NotificationKind.CURRENCY_CHANGED: Words(_currency_changed),
    NotificationKind.RATE_SET: Words(_rate_set),
    NotificationKind.RULES_GIVEN: Words(lambda _: ui.text(_RULES_GIVEN)),
}
