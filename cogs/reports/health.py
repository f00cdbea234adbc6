"""`/coaching health` and `/coaching run`: whether everything works, and how to fix what doesn't."""

from collections.abc import Sequence
from datetime import datetime

from cogs import cards, routes, ui
from cogs.server_limits import limits_ahead
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, group_command, on
from cogs.ui.text import cut_our_text
from scheduler.core.clock import stamp
from scheduler.parsing.durations import write_length
from scheduler.reports import health
from scheduler.reports.health import Health

RUN = Route("health:run")

_GOOD, _BAD, _NOTE = "🟢", "🔴", "🟡"
_LINES = 15
MOST_JUST_NOW, _MOST_OF_A_KIND, _MOST_PROBLEMS = 700, 400, 800
"""Characters for each part, so that the panel fits into a message's 4,000 even if everything fails at once."""


class HealthCog(Cog):
    """`/coaching health` and `/coaching run`."""

    @on(routes.HEALTH)
    @group_command(
        "coaching", name="health", description="Check whether coaching works, and how to fix what doesn't"
    )
    async def show_health(self, interaction: Interaction) -> None:
        """Show the panel."""
        await ui.show(interaction, ui.Panel(*await self._panel(interaction)))

    @on(RUN)
    @group_command("coaching", name="run", description="Run the background checks now and see what they did")
    async def run(self, interaction: Interaction) -> None:
        """Run the background checks, then show the panel."""
        guild = await self.guild_for_admin(interaction)
        await ui.show(interaction, ui.Panel(ui.text("Running the background checks…")))
        report = await self.bot.process_now()
        done = "The background checks were already running."
        if report is not None:
            async with self.bot.db.read() as session:
                steps = await health.lines_of_server(session, guild.id, report.steps)
                failures = await health.lines_of_server(session, guild.id, report.failures)
            done = just_done(steps, failures)
        above = ui.text(f"### Just now\n{done}")
        await ui.show(interaction, ui.Panel(above, ui.Separator(), *await self._panel(interaction)))

    async def _panel(self, interaction: Interaction) -> list[ui.Item]:
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await health.inspect_health(session, guild.id, actor, self.bot.clock())
        lines = [
            *_connection(found, self.bot.clock(), self.bot.latency),
            *_sessions(found),
            *_messages(found),
            *_waiting_list(found),
            *_workshops(found),
            *_payments(found),
            *(_fitting(_odd_prices(found), _MOST_OF_A_KIND) if self.bot.stripe is not None else []),
            *(f"{_NOTE} {line}" for line in limits_ahead(interaction.guild)),
        ]
        return [
            ui.text("### Coaching health\n" + "\n".join(lines)),
            *([ui.text(_problems(found))] if found.alerts else []),
            ui.row(ui.button("Refresh", routes.HEALTH.id()), ui.button("Run background checks now", RUN.id())),
        ]


def just_done(steps: list[str], failures: list[str]) -> str:
    """List what a run did, and what failed, on this server."""
    lines = [*(f"✓ {ui.quoted(line)}" for line in steps), *(f"✗ {cut_our_text(line, 500)}" for line in failures)]
    return "\n".join(_fitting(lines, MOST_JUST_NOW)) or "There was nothing to do."


def _fitting(lines: Sequence[str], most: int) -> list[str]:
    """Keep the lines that fit into `most` characters, and count the others. The first always fits."""
    room, shown = most - len("\n… and 10000 more"), 0
    while shown < min(len(lines), _LINES) and (room := room - len(lines[shown]) - 1) >= 0:
        shown += 1
    left_out = len(lines) - shown
    return [*lines[:shown], *([f"… and {left_out} more"] if left_out else [])]


def _connection(found: Health, now: datetime, latency_seconds: float) -> list[str]:
    if found.last_tick_at is None or now - found.last_tick_at > health.LATE:
        last = f"last ran {stamp(found.last_tick_at, 'R')}" if found.last_tick_at else "never ran"
        checks = f"{_BAD} **Background checks** {last}. Ask the person who runs the bot to check its log."
    else:
        following = f"; next needed {stamp(found.next_step_at, 'R')}" if found.next_step_at else ""
        checks = f"{_GOOD} **Background checks** last ran {stamp(found.last_tick_at, 'R')}{following}"
    latency = f"{latency_seconds * 1000:.0f} ms" if 0 <= latency_seconds < 60 else "unknown"
    return [checks, f"{_GOOD} **Discord** connected, latency {latency}"]


def _sessions(found: Health) -> list[str]:
    lines = [f"{_GOOD} **Sessions** {found.upcoming} upcoming"]
    if found.late_steps:
        late = "1 session needs" if found.late_steps == 1 else f"{found.late_steps} sessions need"
        lines.append(f"{_BAD} **Overdue** {late} a background check. Press **Run background checks now**.")
    failing = [
        f"{_BAD} **Session** `{one.code}` {cut_our_text(one.last_error or '', 250)}. "
        f"`/coaching session {one.code}`"
        for one in found.failing
    ]
    lines.extend(_fitting(failing, _MOST_OF_A_KIND))
    if tried := found.with_room + found.without_room:
        icon = _NOTE if found.without_room else _GOOD
        when = f"in the last {write_length(health.LATELY)}"
        lines.append(f"{icon} **Rooms** {found.with_room} of {tried} sessions had one {when}")
    without_role = [
        f"{_BAD} **Coach role** <@{coach.user_id}> doesn't have it: {cut_our_text(coach.role_error or '', 250)}"
        for coach in found.without_role
    ]
    without_zone = [
        f'{_BAD} **Time zone** I no longer know "{ui.quoted(coach.time_zone)}", so nobody can book '
        f"<@{coach.user_id}>. Ask them to choose another one in `/availability`, or ask the person who runs the "
        "bot to update its time zones."
        for coach in found.without_zone
    ]
    return [*lines, *_fitting(without_role, _MOST_OF_A_KIND), *_fitting(without_zone, _MOST_OF_A_KIND)]


def _messages(found: Health) -> list[str]:
    late = f", {found.late_messages} of them late" if found.late_messages else ""
    lines = [f"{_NOTE if late else _GOOD} **Messages** {found.waiting} waiting{late}"]
    if found.undeliverable:
        count = "1 message" if found.undeliverable == 1 else f"{found.undeliverable} messages"
        lines.append(
            f"{_NOTE} **Not delivered** {count} in the last week. Choose a fallback channel in `/coaching setup`."
        )
    return lines


def _waiting_list(found: Health) -> list[str]:
    """Say who waits, and what's overdue, if anything."""
    if found.overdue_offers:
        overdue = "1 offer is" if found.overdue_offers == 1 else f"{found.overdue_offers} offers are"
        return [f"{_BAD} **Waiting list** {overdue} overdue. Press **Run background checks now**."]
    people = "1 person" if found.on_waiting_list == 1 else f"{found.on_waiting_list} people"
    return [f"{_GOOD} **Waiting list** {people} waiting"] if found.on_waiting_list else []


def _workshops(found: Health) -> list[str]:
    """Say what's overdue about workshops, and which of their scheduled events fail, if any."""
    lines: list[str] = []
    if found.overdue_workshops:
        needs = "1 needs" if found.overdue_workshops == 1 else f"{found.overdue_workshops} need"
        lines.append(f"{_BAD} **Workshops** {needs} a background check. Press **Run background checks now**.")
    failing = [
        f"{_BAD} **Scheduled event** of workshop `{one.session.code}`: {cut_our_text(one.last_error or '', 250)}. "
        "I'll keep trying. If you don't want it, turn off **Scheduled events** in `/coaching setup`."
        for one in found.failing_events
    ]
    return [*lines, *_fitting(failing, _MOST_OF_A_KIND)]


def _payments(found: Health) -> list[str]:
    """Say what fails about payments, if anything."""
    failing = [
        f"{_BAD} **Payment** `{one.code}` {cut_our_text(one.last_error or '', 250)}. I'll keep trying."
        for one in found.failing_payments
    ]
    failed = [
        f"{_BAD} **Refund** of `{one.code}` failed. Pay it back in Stripe's dashboard or another way."
        for one in found.refunds_failed
    ]
    count = "1 refund" if found.refunds_owed == 1 else f"{found.refunds_owed} refunds"
    owed = [f"{_NOTE} **Refunds** {count} not paid back yet. I'll keep trying."] if found.refunds_owed else []
    return [*_fitting(failing, _MOST_OF_A_KIND), *owed, *_fitting(failed, _MOST_OF_A_KIND)]


def _odd_prices(found: Health) -> list[str]:
    return [f"{_NOTE} **Not by card** {cut_our_text(cards.odd_price(one), 250)}" for one in found.odd_prices]


def _problems(found: Health) -> str:
    lines = [f"{_BAD} since {stamp(one.since, 'R')}: {cut_our_text(one.text, 500)}" for one in found.alerts]
    return "**Needs an admin**\n" + "\n".join(_fitting(lines, _MOST_PROBLEMS))
