"""Describe a coach: rate, rating, specialties, and what admins decided."""

from collections.abc import Sequence
from typing import Any

import discord

from cogs import ui
from models import Coach
from scheduler.core.clock import stamp
from scheduler.parsing.money import write_money


def rate(coach: Coach) -> str:
    """Write "$60.00 an hour", or "free"."""
    return f"{write_money(coach.rate_minor, coach.currency)}{' an hour' if coach.rate_minor else ''}"


def rating(coach: Coach) -> str:
    """Write "★ 4.7 (12)", or "new"."""
    if not coach.rating_count:
        return "new"
    return f"★ {coach.rating_total / coach.rating_count:.1f} ({coach.rating_count})"


def taught(specialties: Sequence[str]) -> str:
    """List what a coach teaches, which admins may have removed entirely."""
    return ui.quoted(", ".join(specialties), 400) or "no listed specialty"


def decision(coach: Coach) -> str:
    """Write who decided on this person, when and why. Empty if nobody has."""
    if coach.decided_at is None:
        return ""
    words = f"**{coach.status.capitalize()}** by <@{coach.decided_by}> {stamp(coach.decided_at, 'f')}"
    return f"{words}\n{ui.block(ui.quoted(coach.decision_reason, 600))}" if coach.decision_reason else words


def with_avatar(coach: Coach, words: str) -> ui.Item:
    """Show words beside the coach's avatar, or alone if they have none."""
    if coach.avatar_url is None:
        return ui.text(words)
    avatar = discord.ui.Thumbnail[Any](coach.avatar_url, description=f"{coach.display_name}'s avatar")
    return ui.Section(words, accessory=avatar)
