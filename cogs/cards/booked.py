"""What somebody sees who has just booked."""

from cogs import ui
from cogs.cards.calendar import attach
from cogs.cards.calendar_file import Names
from cogs.cards.session import of_session, way_back
from cogs.ui import Interaction
from models import Coach, CoachingSession, Guild


def booked_panel(
    interaction: Interaction,
    booked: CoachingSession,
    guild: Guild,
    coach: Coach,
    *,
    receipt_url: str | None = None,
) -> ui.Panel:
    """Show the session with its calendar file and, if it was paid by card, its receipt."""
    card = of_session(booked, guild, title="Booked ✅", viewer_id=interaction.user.id, has_file=True)
    server = interaction.client.server_name(booked.guild_id)
    shown = attach(booked, Names(server, coach.display_name, interaction.user.display_name), interaction.user.id)
    receipt = [ui.row(ui.link("Receipt", receipt_url))] if receipt_url else []
    said = ui.text("We've messaged you both.")
    parts = card, *shown.items, *receipt, said, *way_back(interaction, booked)
    return ui.Panel(*parts, files=[shown.file])
