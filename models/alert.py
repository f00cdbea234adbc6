"""Problems that only an admin can solve, so that they hear of each once, then rarely, and when it is over."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, Snowflake


class Alert(Base):
    """One problem in one server, known by what fails and why; it comes and goes on the same row."""

    __tablename__ = "alerts"
    __table_args__ = (Index("uq_alerts_guild_id_key_cause", "guild_id", "key", "cause", unique=True),)

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    key: Mapped[str] = mapped_column(String(64))
    """What fails: a step in the lives of sessions, the coach role, a channel."""
    cause: Mapped[str] = mapped_column(String(16), default="", server_default=text("''"))
    """Which of the reasons for that it is, made from its words; empty: what may well heal by itself."""
    text: Mapped[str]
    """What is wrong and what to do, for admins."""
    since: Mapped[datetime]
    told_at: Mapped[datetime]
    """When a message about it was last owed."""
    times_told: Mapped[int]
    fixed_at: Mapped[datetime | None]
    """Empty while it lasts."""
