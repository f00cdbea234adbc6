"""List booked sessions outside the coach's hours, and let the coach reschedule, keep or cancel each."""

from functools import partial

from cogs import cards, routes, ui
from cogs.availability import panel
from cogs.availability.panel import PanelCog, PanelState
from cogs.cards.cancellation import CancellingCog
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Route, on, opens
from models import CoachingSession
from scheduler.availability import free_times
from scheduler.booking import rescheduling
from scheduler.core.clock import stamp

KEEP = Route("availability:keep:{session_id}:{week}:{days}")
CANCEL = Route("availability:cancel:{session_id}:{week}:{days}")

_A_PAGE = 5


class ConflictsCog(CancellingCog, PanelCog):
    """The conflicts in `/availability`."""

    @on(panel.CONFLICTS)
    async def list_conflicts(self, interaction: Interaction, page: int, week: int, days: int) -> None:
        """Show a page of conflicts, or the panel if there are none."""
        await self._show(interaction, PanelState(week, days), page=page)

    @on(KEEP)
    async def keep_session(self, interaction: Interaction, session_id: int, week: int, days: int) -> None:
        """Keep a session although it's outside the hours."""
        async with self.bot.db.begin() as session:
            actor = ui.person_of(interaction)
            await rescheduling.keep_session(session, session_id, actor, self.bot.clock())
        await self._show(interaction, PanelState(week, days), "✅ The session stays booked.")

    @on(CANCEL)
    async def cancel_session(self, interaction: Interaction, session_id: int, week: int, days: int) -> None:
        """Cancel a session, and show what's left."""
        await self.read_coach(interaction)  # only coaches have this list
        done, viewer_id = await self.cancel(interaction, session_id), interaction.user.id
        credit = "".join(f"{line}. " for line in cards.charge.outcome(done.session, viewer_id))
        said = f"✅ Session cancelled: {stamp(done.session.starts_at)}. {credit}{done.then(viewer_id)}"
        await self._show(interaction, PanelState(week, days), said)

    @opens(CANCEL)
    async def reason_form(
        self, interaction: Interaction, typed: Typed, session_id: int, week: int, days: int
    ) -> ui.Form:
        """Ask why."""
        await self.read_coach(interaction)  # only coaches have this list
        custom_id = PanelState(week, days).id(CANCEL, session_id=session_id)
        return await self.cancel_form(interaction, typed, session_id, custom_id)

    async def _show(
        self, interaction: Interaction, place: PanelState, said: str | None = None, *, page: int = 0
    ) -> None:
        async with self.bot.db.read() as session:
            coach = await self.coach(session, interaction)
            found = await free_times.conflicts(session, coach, self.bot.clock())
        if found:
            await ui.show(interaction, _conflicts_panel(found, page, place, said))
        else:
            await self.show_panel(interaction, place, said or "✅ All booked sessions fit your hours.")


def _conflicts_panel(found: list[CoachingSession], page: int, place: PanelState, said: str | None) -> ui.Panel:
    shown, pager = ui.paged(found, page, _A_PAGE, partial(place.id, panel.CONFLICTS))
    parts: list[ui.Item] = [ui.text("### Sessions outside your hours\nThey stay booked until you decide.")]
    for one in shown:
        parts.append(ui.text(f"{stamp(one.starts_at)} · {cards.length(one.duration)} with <@{one.student_id}>"))
        parts.append(
            ui.row(
                ui.button("Reschedule…", routes.RESCHEDULE.id(session_id=one.id)),
                ui.button("Keep", place.id(KEEP, session_id=one.id)),
                ui.button("Cancel…", place.id(CANCEL, session_id=one.id)),
            )
        )
    if said:
        parts.append(ui.text(said))
    return ui.Panel(*parts, *pager, ui.row(ui.button("◀ Back", place.id(panel.SHOW))))
