"""`/coaching payments`: how cards are taken, what came in, what is owed back."""

from collections.abc import Sequence
from datetime import date

from cogs import cards, routes, ui
from cogs.payments.download import DOWNLOAD_MONTH, STATES
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, group_command, on
from models import Guild, Payment, PaymentMode, PaymentStatus, Refund, RefundStatus
from scheduler.core.clock import stamp
from scheduler.parsing.money import write_money, write_sum
from scheduler.payments import overview, refunds
from scheduler.payments.overview import Month, Shown
from scheduler.reports.odd_prices import OddPrice, list_odd
from scheduler.sessions.charge_standing import chooses_until

PICK_MODE = Route("payments:mode")
ASK_REFUND = Route("payments:ask_refund:{payment_id}:{page}")
REFUND = Route("payments:refund:{payment_id}:{page}")

_A_PAGE = 5
_MOST_ODD = 5
_MODES = (PaymentMode.OFF, PaymentMode.OPTIONAL, PaymentMode.REQUIRED)
_CALLED = {
    PaymentMode.OFF: "Don't take cards",
    PaymentMode.OPTIONAL: "Cards, or as the payment instructions say",
    PaymentMode.REQUIRED: "Only cards (and credit)",
}
_BACK = {
    RefundStatus.OWED: "to be refunded",
    RefundStatus.DONE: "refunded",
    RefundStatus.KEPT: "kept as credit",
    RefundStatus.FAILED: "⚠️ the refund failed: pay it back another way",
}


class PaymentsAdminCog(Cog):
    """`/coaching payments`."""

    @group_command("coaching", name="payments", description="Card payments: what came in, what is owed back")
    async def payments(self, interaction: Interaction) -> None:
        """Show the first page."""
        await self.show_payments(interaction)

    @on(routes.PAYMENTS)
    async def show_payments(self, interaction: Interaction, page: int = 0) -> None:
        """Show a page of payments."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await overview.list_page(session, guild.id, actor, page=page, size=_A_PAGE)
            months = await overview.months(session, guild, actor)
            odd = await list_odd(session, guild)
            choice = await overview.months_to_download(session, guild, actor, self.bot.clock())
        shown: list[ui.Item] = [] if found.shown else [ui.text("No payments here.")]
        for one in found.shown:
            shown += [ui.Separator(), _section(one, page)]
        pager = ui.newer_and_older(routes.PAYMENTS.id, page, has_more=found.has_more)
        head = self._head(guild, months), self._modes(guild)
        await ui.show(interaction, ui.Panel(*head, *_odd(odd), *shown, *pager, *_download(choice)))

    @on(PICK_MODE)
    async def mode_picked(self, interaction: Interaction) -> None:
        """Take cards in another way from now on."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            await overview.set_mode(session, guild, actor, _MODES[ui.chosen_in(interaction)[0]], now)
        await self.show_payments(interaction)

    @on(ASK_REFUND)
    async def refund_asked(self, interaction: Interaction, payment_id: int, page: int) -> None:
        """Ask before paying back, since that can't be undone."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            payment = await refunds.find_payment(session, guild.id, payment_id, actor)
        await ui.show(interaction, _question(payment, page))

    @on(REFUND)
    async def refund_pressed(self, interaction: Interaction, payment_id: int, page: int) -> None:
        """Pay back what somebody has paid."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            await refunds.pay_back(session, guild.id, payment_id, actor, now)
        self.bot.wake()
        await self.show_payments(interaction, page)

    def _head(self, guild: Guild, months: list[Month]) -> ui.Item:
        stripe = self.bot.stripe
        is_test = stripe is not None and not stripe.livemode
        test = ["⚠️ **TEST: the key is a test key, so no money moves.**"] if is_test else []
        return ui.text("\n".join(["### Card payments", *test, *map(_month, months)]))

    @staticmethod
    def _modes(guild: Guild) -> ui.Item:
        options = ((_CALLED[mode], str(number), mode is guild.payment_mode) for number, mode in enumerate(_MODES))
        return ui.row(ui.select(PICK_MODE.id(), options))


def _odd(found: Sequence[OddPrice]) -> list[ui.Item]:
    """Say which prices cards can't be charged, and what to do."""
    if not found:
        return []
    lines = [f"- {cards.odd_price(one)}" for one in found[:_MOST_ODD]]
    if len(found) > _MOST_ODD:
        lines.append(f"- … and {len(found) - _MOST_ODD} more")
    return [
        ui.text(
            "⚠️ **Cards can't be charged these prices.** Until they change, they're paid without a card. Coaches "
            "change their rate in `/coach edit`, and you packages in `/coaching credits`.\n" + "\n".join(lines)
        )
    ]


def _download(months: Sequence[date]) -> list[ui.Item]:
    if not months:
        return []
    options = [("All payments", "0", False)]
    options += [(f"{one:%B %Y}", str(one.toordinal()), False) for one in months]
    return [ui.row(ui.select(DOWNLOAD_MONTH.id(), options, placeholder="Download as CSV…"))]


def _month(one: Month) -> str:
    test = "" if one.livemode else " (TEST)"
    back = f", {write_money(one.refunded_minor, one.currency)} refunded" if one.refunded_minor else ""
    return f"**{one.first_day:%B %Y}**{test} {write_sum(one.paid_minor, one.currency)} paid{back}"


def _back(refund: Refund) -> str:
    until, words = chooses_until(refund), _BACK[refund.status]
    if until is None or until <= refund.created_at:
        return words
    return f"{words} {stamp(until, 'f')}, unless the student keeps it as credit"


def _section(one: Shown, page: int) -> ui.Item:
    payment, refund = one.payment, one.refund
    state = STATES[payment.status] if refund is None else _back(refund)
    facts = [
        f"**{_marked(payment)}** · {state} · {stamp(payment.created_at, 'f')}",
        f"<@{payment.user_id}> for {_what(payment)} · `{payment.code}`",
    ]
    if payment.disputed_at is not None:
        facts.append(f"⚠️ Disputed at the bank {stamp(payment.disputed_at, 'f')}. Answer it in Stripe's dashboard.")
    error = payment.last_error if refund is None else refund.last_error
    if error is not None:
        facts.append(f"-# {ui.quoted(error, 200)}")
    text = "\n".join(facts)
    if payment.status is not PaymentStatus.PAID or refund is not None:
        return ui.text(text)
    return ui.Section(text, accessory=ui.button("Refund…", ASK_REFUND.id(payment_id=payment.id, page=page)))


def _question(payment: Payment, page: int) -> ui.Panel:
    is_session = payment.coach_id is not None
    stays = (
        "Only the money goes back: the session stays as it is."
        if is_session
        else "What's left of the credit is taken back. Sessions that were booked with it stay booked."
    )
    paid = f"<@{payment.user_id}> paid it for {_what(payment)} and gets all of it back. This can't be undone."
    return ui.Panel(
        ui.text(f"### Refund {_marked(payment)}?\n{paid}\n{stays}"),
        ui.row(
            ui.button("Refund", REFUND.id(payment_id=payment.id, page=page), ui.DANGER),
            ui.button("◀ Payments", routes.PAYMENTS.id(page=page)),
        ),
    )


def _what(payment: Payment) -> str:
    return f"a session with <@{payment.coach_id}>" if payment.coach_id is not None else "credit"


def _marked(payment: Payment) -> str:
    """Write the amount. The panel says at its top what TEST means."""
    written = write_money(payment.amount_minor, payment.currency)
    return written if payment.livemode else f"{written} (TEST)"
