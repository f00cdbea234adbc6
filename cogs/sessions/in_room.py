"""The buttons in a session's room: ask for more time, answer that, or end the session now."""

from cogs import cards, routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, on
from cogs.ui.time_picker import instant, minute_of
from models import CoachingSession
from scheduler.core.clock import stamp
from scheduler.rooms import extensions, in_room
from scheduler.rooms.extensions import Terms, TermsChanged
from scheduler.time.hour_cycle import HourCycle

LONGER = Route("room:longer:{session_id}")
"""On messages from before an upgrade, which don't say the price."""
AGREE = Route("room:longer:{session_id}:{until}:{cost}:agree")
DECLINE = Route("room:longer:{session_id}:{until}:{cost}:decline")
END_FOR_GOOD = Route("room:end:{session_id}:yes")
GO_ON = Route("room:end:{session_id}:no")


class RoomCog(Cog):
    """The buttons in a session's room."""

    @on(routes.ASK_EXTENSION, ui.acknowledge_beside)
    @on(LONGER, ui.acknowledge_beside)
    async def ask_pressed(
        self, interaction: Interaction, session_id: int, until: int | None = None, cost: int = 0
    ) -> None:
        """Ask the other person for 15 more minutes on these terms, or first show them if none are given."""
        actor, terms = ui.person_of(interaction), None if until is None else Terms(instant(until), cost)
        async with self.bot.db.begin() as session:
            found = await extensions.ask(session, session_id, actor, terms, self.bot.clock())
        self.bot.wake()
        await ui.show(
            interaction, _asked(found) if found.extension_asked_by == actor.user_id else _extended(found)
        )

    @on(AGREE, ui.acknowledge_beside)
    async def agree_pressed(self, interaction: Interaction, session_id: int, until: int, cost: int) -> None:
        """Agree, which extends the session."""
        actor, terms = ui.person_of(interaction), Terms(instant(until), cost)
        async with self.bot.db.begin() as session:
            found = await extensions.agree(session, session_id, actor, terms, self.bot.clock())
        self.bot.wake()
        await ui.show(interaction, _extended(found))

    @on(DECLINE, ui.acknowledge_beside)
    async def decline_pressed(self, interaction: Interaction, session_id: int, until: int, cost: int) -> None:
        """Decline, or take one's own request back."""
        actor, terms = ui.person_of(interaction), Terms(instant(until), cost)
        async with self.bot.db.begin() as session:
            found = await extensions.decline(session, session_id, actor, terms, self.bot.clock())
        self.bot.wake()
        await ui.show(interaction, ui.Panel(ui.text(f"Your session still ends at {stamp(found.ends_at, 't')}.")))

    @on(routes.END_SESSION, ui.acknowledge_beside)
    async def end_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Ask once whether to end the session."""
        async with self.bot.db.read() as session:
            actor, now = await self.actor_anywhere(session, interaction), self.bot.clock()
            found = await in_room.find_endable(session, session_id, actor, now, guild_id=interaction.guild_id)
        await ui.show(interaction, _really(found))

    @on(END_FOR_GOOD)
    async def end_for_good_pressed(self, interaction: Interaction, session_id: int) -> None:
        """End the session now."""
        async with self.bot.db.begin() as session:
            actor, now = await self.actor_anywhere(session, interaction), self.bot.clock()
            await in_room.end_early(session, session_id, actor, now, guild_id=interaction.guild_id)
        self.bot.wake()
        words = "The session is over. The room closes once everyone has left."
        await ui.show(interaction, ui.Panel(ui.text(words)))

    @on(GO_ON)
    async def go_on_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Leave the session as it is."""
        async with self.bot.db.read() as session:
            actor, now = await self.actor_anywhere(session, interaction), self.bot.clock()
            found = await in_room.find_endable(session, session_id, actor, now, guild_id=interaction.guild_id)
        await ui.show(interaction, ui.Panel(ui.text(f"The session continues until {stamp(found.ends_at, 't')}.")))


def numbers_of(session_id: int, terms: Terms) -> dict[str, int]:
    """Return the numbers of routes about extending a session on these terms."""
    return {"session_id": session_id, "until": minute_of(terms.ends_at), "cost": terms.extra_minor}


def ask_button(session_id: int, terms: Terms) -> ui.Button:
    """Make the button that asks for 15 more minutes on these terms."""
    return ui.button("+15 minutes", routes.ASK_EXTENSION.id(**numbers_of(session_id, terms)))


def _asked(found: CoachingSession) -> ui.Panel:
    other = found.coach_id if found.extension_asked_by == found.student_id else found.student_id
    terms = Terms(found.ends_at + extensions.EXTENSION, found.extension_cost_minor or 0)
    extra = extensions.write_extra(terms.extra_minor, found.currency)
    words = f"We've asked <@{other}> in the room: 15 more minutes, until {stamp(terms.ends_at, 't')}, {extra}."
    take_back = ui.button("Take it back", DECLINE.id(**numbers_of(found.id, terms)))
    return ui.Panel(ui.text(words), ui.row(take_back))


def _extended(found: CoachingSession) -> ui.Panel:
    price = cards.charge.price(found)
    return ui.Panel(ui.text(f"Your session now ends at {stamp(found.ends_at, 't')}. Price: {price}."))


def _really(found: CoachingSession) -> ui.Panel:
    whom = "everyone in it" if found.is_workshop else "both of you"
    words = (
        f"### End this session now?\nIt runs until {stamp(found.ends_at, 't')}. If you end it, it's over for "
        f"{whom}, and others can book the rest of the time.{_price_stays(found)} You can't undo this."
    )
    end = ui.button("End session", END_FOR_GOOD.id(session_id=found.id), ui.DANGER)
    return ui.Panel(ui.text(words), ui.row(end, ui.button("Keep going", GO_ON.id(session_id=found.id))))


def _price_stays(found: CoachingSession) -> str:
    if found.is_workshop:
        return ""
    has_price = found.student.total_cost_minor or found.student.credit_minutes is not None
    return f" The price stays {cards.charge.price(found)}." if has_price else ""


def terms_panel(changed: TermsChanged, _typed: Typed, _cycle: HourCycle) -> ui.Panel:
    """Say what 15 more minutes cost now, with a button that asks on these terms."""
    return ui.Panel(
        ui.text(f"{changed} Do you want to ask?"), ui.row(ask_button(changed.session_id, changed.terms))
    )


ui.show_as(TermsChanged, terms_panel)
