"""Alerts: problems only an admin can solve. Admins hear of each once, then rarely, and when it's over."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, Snowflake


class Alert(Base):
    """One alert in one server, identified by what fails and why. When it recurs, the same row is reused."""

    __tablename__ = "alerts"
    __table_args__ = (Index("uq_alerts_guild_id_key_cause", "guild_id", "key", "cause", unique=True),)

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    key: Mapped[str] = mapped_column(String(64))
    """What fails: a step of a session, the coach role, or a channel."""
    cause: Mapped[str] = mapped_column(String(16), default="", server_default=text("''"))
    """Which cause it is, derived from the text. Empty if the problem may go away by itself."""
    text: Mapped[str]
    """What's wrong and what to do, for admins."""
    since: Mapped[datetime]
    told_at: Mapped[datetime]
    """When a message about it was last enqueued."""
    times_told: Mapped[int]
    fixed_at: Mapped[datetime | None]
    """None while it lasts."""
