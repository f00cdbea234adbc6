"""Payments as a CSV file, for the books."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from cogs import ui
from cogs.ui import Interaction
from cogs.ui.files import CsvFile
from cogs.ui.routing import Cog, Route, on
from models import Payment, PaymentStatus, Refund, RefundStatus
from scheduler.core.errors import NotFound
from scheduler.parsing.money import in_major_units
from scheduler.payments import overview
from scheduler.reports.export import Cell, Columns, csv_of
from scheduler.time.abbreviations import show_zone
from scheduler.time.time_zones import zone, zone_with_offset

DOWNLOAD_MONTH = Route("payments:csv")
"""A select: the ordinal of a month's first day, or 0 for all payments."""

STATES = {
    PaymentStatus.NEW: "being prepared",
    PaymentStatus.OPEN: "open",
    PaymentStatus.PAID: "paid",
    PaymentStatus.EXPIRED: "not paid",
    PaymentStatus.REFUSED: "refused by Stripe",
}
_BACK = {
    RefundStatus.OWED: "owed",
    RefundStatus.DONE: "done",
    RefundStatus.KEPT: "kept as credit",
    RefundStatus.FAILED: "failed",
}


class PaymentsFileCog(Cog):
    """The list of months below the payments."""

    @on(DOWNLOAD_MONTH, ui.acknowledge_beside)
    async def month_picked(self, interaction: Interaction) -> None:
        """Send the month's payments, or all, as a file beside the list."""
        month = _month(ui.chosen_in(interaction)[0])
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            people = await overview.payers(session, guild.id, actor)
        names = await self.bot.fetch_names(guild.id, people)
        with CsvFile(f"payments-{month:%Y-%m}" if month else "payments") as file:
            async with self.bot.db.read() as session:
                query = overview.to_download(guild, actor, month)
                async for piece in csv_of(session, query, _columns(guild.time_zone, names)):
                    file.write(piece)
        name, content = file.named()
        which = f"that were made or paid back in {month:%B %Y}" if month else "of all time"
        said = (
            f"### Card payments\nThose {which}, with amounts in whole units of their currency. Times in "
            f"{show_zone(guild.time_zone)}, the server's time zone."
        )
        await ui.show(interaction, ui.Panel(ui.text(said), ui.attachment(name), files=[(name, content)]))


def _month(ordinal: int) -> date | None:
    """Read the month that was picked. Raises NotFound for what isn't a date."""
    if not ordinal:
        return None
    if not date.min.toordinal() < ordinal < date.max.toordinal() - 31:
        raise NotFound("This list is out of date. Run `/coaching payments`.")
    return date.fromordinal(ordinal).replace(day=1)


def _columns(zone_name: str, names: Mapping[int, str]) -> Columns:
    def local(at: datetime) -> datetime:
        return at.astimezone(zone(zone_name))

    def when(row: Any) -> datetime:
        return row.Payment.paid_at or row.Payment.created_at

    def refunded_on(row: Any) -> Cell:
        refund: Refund | None = row.Refund
        is_done = refund is not None and refund.status is RefundStatus.DONE
        at = refund.done_at if refund is not None and is_done else row.Payment.refunded_elsewhere_at
        return local(at).date() if at else None

    return {
        "Code": lambda row: row.Payment.code,
        "Date": lambda row: local(when(row)).date(),
        "Time": lambda row: local(when(row)).time(),
        "Time zone": lambda row: zone_with_offset(zone_name, when(row)),
        "Student": lambda row: names.get(row.Payment.user_id),
        "Coach": lambda row: row.display_name,
        "Package": lambda row: row.name,
        "Amount": lambda row: in_major_units(row.Payment.amount_minor, row.Payment.currency),
        "Currency": lambda row: row.Payment.currency,
        "State": lambda row: STATES[row.Payment.status],
        "Refund": lambda row: row.Refund and _BACK[row.Refund.status],
        "Refunded": lambda row: in_major_units(_refunded(row.Payment, row.Refund), row.Payment.currency),
        "Refunded on": refunded_on,
        "Mode": lambda row: "live" if row.Payment.livemode else "TEST",
        "Session": lambda row: row.code,
        "Student ID": lambda row: str(row.Payment.user_id),
        "Coach ID": lambda row: row.Payment.coach_id and str(row.Payment.coach_id),
    }


def _refunded(payment: Payment, refund: Refund | None) -> int:
    """Return what was paid back in all, by the bot or in Stripe's dashboard."""
    by_the_bot = refund.amount_minor if refund is not None and refund.status is RefundStatus.DONE else 0
    return by_the_bot + payment.refunded_elsewhere_minor
