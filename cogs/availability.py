"""`/availability`: a coach's weekly hours, typed or by presets."""

from collections.abc import Iterable, Sequence

import discord
from discord import app_commands

from cogs import ui
from cogs.routing import Cog, on, opens
from cogs.ui import Interaction, Typed
from models import Coach
from scheduler import applications, availability
from scheduler.availability import Week
from scheduler.errors import Unreadable
from scheduler.hours import PRESETS, WEEKDAYS, parse_days, parse_hours, write_hours

# {days} is a bit mask of the weekdays that are picked in the panel: Monday is 1, Tuesday 2, Wednesday 4 …
PICK_DAYS = "availability:days"
PRESET = "availability:preset:{number}:{days}"
CLEAR = "availability:clear:{days}"
TYPE_HOURS = "availability:type:{days}"

_WORKDAYS = 0b0011111
_DAYS, _HOURS = "Days", "Hours"


class AvailabilityCog(Cog):
    """`/availability`."""

    @app_commands.command(name="availability", description="Your weekly hours as a coach")
    @app_commands.describe(
        days='Which days, like "Mon-Fri" or "Tue, Thu"', hours='Which hours, like "9-12, 13:30-17"'
    )
    async def availability(
        self, interaction: Interaction, days: str | None = None, hours: str | None = None
    ) -> None:
        """Set hours at once when both options are given, else show the panel."""
        await ui.acknowledge(interaction)
        if days is not None and hours is not None:
            await self._set(interaction, days, hours)
        elif days is None and hours is None:
            await ui.show(interaction, await self._panel(interaction, _WORKDAYS))
        else:
            raise Unreadable(
                "Give both days and hours, like `/availability days:Mon-Fri hours:9-12, 13:30-17`, "
                "or neither to see your week."
            )

    @on(PICK_DAYS)
    async def days_picked(self, interaction: Interaction) -> None:
        """The presets and the form now mean these days."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._panel(interaction, _mask(ui.chosen_in(interaction))))

    @on(PRESET)
    async def preset_pressed(self, interaction: Interaction, number: int, days: int) -> None:
        """Add a preset to the picked days."""
        await ui.acknowledge(interaction)
        window = list(PRESETS.values())[number % len(PRESETS)]
        async with self.bot.db.begin() as session:
            await availability.add_hours(
                session,
                ui.guild_id_of(interaction),
                ui.actor_of(interaction, None),
                _days(days),
                window,
                self.bot.clock(),
            )
        await ui.show(interaction, await self._panel(interaction, days))

    @on(CLEAR)
    async def clear_pressed(self, interaction: Interaction, days: int) -> None:
        """Take all hours off the picked days."""
        await ui.acknowledge(interaction)
        await self._replace(interaction, _days(days), [])
        await ui.show(interaction, await self._panel(interaction, days))

    @on(TYPE_HOURS)
    async def typed(self, interaction: Interaction, days: int) -> None:
        """From the panel: open the form. From the form: set what was typed."""
        if interaction.type is discord.InteractionType.modal_submit:
            await ui.acknowledge(interaction)
            typed = ui.typed_in(interaction)
            await self._set(interaction, typed.get(_DAYS, ""), typed.get(_HOURS, ""))
        else:
            await interaction.response.send_modal(await self.hours_form(interaction, {}, days))

    @opens(TYPE_HOURS)
    async def hours_form(self, interaction: Interaction, typed: Typed, days: int) -> ui.Form:
        """Asks for days and hours."""
        names = ", ".join(WEEKDAYS[day] for day in _days(days))
        return ui.Form(
            "Set hours",
            TYPE_HOURS.format(days=days),
            ui.field(_DAYS, typed or {_DAYS: names}, placeholder="Mon-Fri", most=100),
            ui.field(
                _HOURS,
                typed,
                description='They replace what those days have. "closed" takes all hours away.',
                placeholder="9-12, 13:30-17",
                most=200,
            ),
        )

    async def _set(self, interaction: Interaction, days: str, hours: str) -> None:
        chosen, windows = parse_days(days), parse_hours(hours)
        await self._replace(interaction, chosen, windows)
        understood = f"{', '.join(WEEKDAYS[day] for day in chosen)}: {write_hours(windows)}"
        await ui.show(interaction, await self._panel(interaction, _mask(chosen), understood=understood))

    async def _replace(
        self, interaction: Interaction, days: Sequence[int], windows: Sequence[tuple[int, int]]
    ) -> None:
        async with self.bot.db.begin() as session:
            await availability.set_hours(
                session,
                ui.guild_id_of(interaction),
                ui.actor_of(interaction, None),
                days,
                windows,
                self.bot.clock(),
            )

    async def _panel(self, interaction: Interaction, days: int, *, understood: str | None = None) -> ui.Panel:
        async with self.bot.db.read() as session:
            coach = await applications.approved_coach(
                session, ui.guild_id_of(interaction), interaction.user.id, own=True
            )
            week = await availability.week_of(session, coach)
        return _panel(coach, week, days or _WORKDAYS, understood)


def _panel(coach: Coach, week: Week, days: int, understood: str | None) -> ui.Panel:
    picked = _days(days)
    names = ", ".join(WEEKDAYS[day] for day in picked)
    parts: list[discord.ui.Item[ui.Panel]] = [ui.text(f"### Your weekly hours\n{_week_table(week)}")]
    parts.append(
        ui.text(
            f"All times are on the clock of **{coach.time_zone}**. "
            + (
                "Students can book you now with `/book`."
                if week
                else "You have no hours yet: pick days, then press a preset or type your hours."
            )
        )
    )
    if understood is not None:
        parts.append(ui.text(f"✅ Set {understood}"))
    parts.append(
        ui.row(
            ui.select(
                PICK_DAYS,
                ((name, str(day), day in picked) for day, name in enumerate(WEEKDAYS)),
                placeholder="Days to change",
                most=7,
            )
        )
    )
    parts.append(
        ui.row(
            *(
                ui.button(f"{name} {write_hours([window])}", PRESET.format(number=number, days=days))
                for number, (name, window) in enumerate(PRESETS.items())
            )
        )
    )
    parts.append(
        ui.row(
            ui.button("Type hours…", TYPE_HOURS.format(days=days), discord.ButtonStyle.primary),
            ui.button(f"Clear {names}"[:80], CLEAR.format(days=days), discord.ButtonStyle.danger),
        )
    )
    return ui.Panel(*parts)


def _week_table(week: Week) -> str:
    lines = (f"{name}  {write_hours(week.get(day, []))}" for day, name in enumerate(WEEKDAYS))
    return "```\n" + "\n".join(lines) + "\n```"


def _mask(days: Iterable[int]) -> int:
    return sum(1 << day for day in set(days) if day < 7)


def _days(mask: int) -> list[int]:
    return [day for day in range(7) if mask >> day & 1]
