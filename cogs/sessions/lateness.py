"""Running late: say by how much, so that the others know and wait."""

from cogs import routes, ui
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, on
from models import CoachingSession, Guild
from scheduler.attendance import lateness
from scheduler.core.clock import stamp

SAY = Route("session:late:{session_id}:{minutes}")


class LatenessCog(Cog):
    """The button **Running late…**."""

    @on(routes.RUNNING_LATE, ui.acknowledge_beside)
    async def late_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Ask by how much."""
        async with self.bot.db.read() as session:
            actor, now = ui.person_of(interaction), self.bot.clock()
            found = await lateness.find_to_say(session, session_id, actor, now)
        await ui.show(interaction, _question(found))

    @on(SAY)
    async def minutes_pressed(self, interaction: Interaction, session_id: int, minutes: int) -> None:
        """Record that they'll be that many minutes late, and tell the others."""
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            found = await lateness.say(session, session_id, actor, minutes, self.bot.clock())
            guild = await session.get_one(Guild, found.guild_id)
        self.bot.wake()
        await ui.show(interaction, _said(found, guild, actor.user_id, minutes))


def _question(found: CoachingSession) -> ui.Panel:
    words = (
        f"### How late will you be?\nYour session starts {stamp(found.starts_at)} and still ends at "
        f"{stamp(found.ends_at, 't')}. You can say this once, and get that much longer to show up."
    )
    buttons = [
        ui.button(f"{minutes} min", SAY.id(session_id=found.id, minutes=minutes)) for minutes in lateness.CHOICES
    ]
    return ui.Panel(ui.text(words), ui.row(*buttons))


def _said(found: CoachingSession, guild: Guild, user_id: int, minutes: int) -> ui.Panel:
    if not found.is_workshop:
        whom = f"<@{found.other(user_id)}>"
    else:
        whom = "everyone with a seat" if user_id == found.coach_id else "your coach"
    until = stamp(lateness.closes_at(found, guild, user_id), "t")
    words = f"We've told {whom} that you'll be {minutes} minutes late. You have until {until} to show up."
    return ui.Panel(ui.text(words))
