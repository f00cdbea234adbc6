"""The admin menu: everything in `/coaching` by button, for admins who don't see the command.

Discord shows `/coaching` to members with Manage Server. Admins by role see it once someone allows it under
Server Settings → Integrations. Each button is answered by the feature whose command it replaces.
"""

import discord

from cogs import routes, ui
from cogs.setup.panel import DEFAULTS
from cogs.setup.public_panel import POST
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, beside, on

PERSON = Route("admin:person")

_REPLIES = "-# What you open here appears below this menu. Only you see it."


def how_to_show(role_id: int, bot_name: str) -> str:
    """Say how members of the admin role get to see `/coaching`."""
    return (
        f"Members of <@&{role_id}> have an **Admin** button in `/sessions`. To show them `/coaching`, too, open "
        f"**Server Settings → Integrations → {ui.quoted(bot_name)}**, choose `/coaching`, then **Add Roles or "
        "Members**."
    )


class AdminMenuCog(Cog):
    """The button **Admin**."""

    @on(routes.ADMIN, ui.acknowledge_beside)
    async def opened(self, interaction: Interaction) -> None:
        """Show the menu beside the message with the button."""
        await self.guild_for_admin(interaction)
        await ui.show(interaction, _menu(takes_cards=self.bot.stripe is not None))

    @on(PERSON, ui.acknowledge_beside)
    async def person_chosen(self, interaction: Interaction) -> None:
        """Show what there is about one person, beside the menu."""
        await self.guild_for_admin(interaction)
        await ui.show(interaction, _about(ui.chosen_in(interaction)[0]))


def _menu(*, takes_cards: bool) -> ui.Panel:
    return ui.Panel(
        ui.text("### Admin menu\n**Sessions**"),
        ui.row(
            _open("Health", routes.HEALTH.id()),
            _open("All sessions", routes.ALL_SESSIONS.id(status=0, user_id=0, page=0)),
            ui.button("Find a session…", routes.FIND_SESSION.id()),
            _open("Statistics", routes.STATISTICS.id()),
            _open("Export…", routes.EXPORT.id()),
        ),
        ui.text("**People**"),
        ui.row(
            _open("Applications", routes.APPLICATIONS.id(position=0)),
            _open("Coaches", routes.COACHES.id(page=0)),
            _open("Reviews", routes.ALL_REVIEWS.id(coach_id=0, page=0)),
            _open("Blocked members", routes.BLOCKED.id(page=0)),
        ),
        ui.row(discord.ui.UserSelect(custom_id=PERSON.id(), placeholder="Look someone up, or block them")),
        ui.text("**Money**"),
        ui.row(
            _open("Credit", routes.CREDIT_ADMIN.id()),
            *([_open("Card payments", routes.PAYMENTS.id(page=0))] if takes_cards else []),
        ),
        ui.text("**Server**"),
        *ui.rows(
            ui.button("Setup", routes.OPEN_SETUP.id()),
            ui.button("For new coaches", DEFAULTS.id()),
            _open("Specialties", routes.SPECIALTIES.id()),
            _open("Closures", routes.CLOSURES.id(page=0)),
            _open("Post the panel…", POST.id()),
            _open("Audit log", routes.AUDIT_LOG.id(user_id=0, page=0)),
        ),
        ui.text(_REPLIES),
    )


def _about(user_id: int) -> ui.Panel:
    """Offer what the commands' option `member` does."""

    def block(label: str, what: int) -> ui.Button:
        return ui.button(label, routes.BLOCK.id(user_id=user_id, what=what))

    return ui.Panel(
        ui.text(f"### <@{user_id}>"),
        ui.row(
            ui.button("As a coach", routes.COACH.id(user_id=user_id)),
            _open("Sessions", routes.ALL_SESSIONS.id(status=0, user_id=user_id, page=0)),
            _open("Reviews as a coach", routes.ALL_REVIEWS.id(coach_id=user_id, page=0)),
            _open("Audit log", routes.AUDIT_LOG.id(user_id=user_id, page=0)),
            _open("Credit", routes.CREDIT_OF.id(user_id=user_id, page=0)),
        ),
        ui.row(
            block("Block from booking…", routes.FROM_BOOKING),
            block("Block from applying…", routes.FROM_APPLYING),
            block("Block from both…", routes.FROM_BOTH),
            ui.button("Unblock", routes.UNBLOCK.id(user_id=user_id, what=routes.FROM_BOTH)),
        ),
    )


def _open(label: str, custom_id: str) -> ui.Button:
    return ui.button(label, beside(custom_id))
