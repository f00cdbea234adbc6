"""Blocks: who is blocked from what in a server, and why."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Snowflake, enum_column


class BlockedFrom(StrEnum):
    """What someone can be blocked from."""

    BOOKING = "booking"
    APPLYING = "applying"


class Block(Base):
    """One person is blocked from one thing in one server. Unblocking deletes the row; the audit log keeps both."""

    __tablename__ = "blocks"
    __table_args__ = (Index("ix_blocks_guild_id_blocked_at", "guild_id", "blocked_at"),)

    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"), primary_key=True)
    user_id: Mapped[Snowflake] = mapped_column(primary_key=True)
    blocked_from: Mapped[BlockedFrom] = mapped_column(enum_column(BlockedFrom, checked=False), primary_key=True)
    reason: Mapped[str | None]
    """Shown to the person when they try. None if the admin gave none."""
    blocked_by: Mapped[Snowflake]
    blocked_at: Mapped[datetime]
