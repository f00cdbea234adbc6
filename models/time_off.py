"""When a server is closed."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, Snowflake


class Closure(Base):
    """Days, both included, on which nothing can be booked in a server, on the calendar of its zone."""

    __tablename__ = "closures"
    __table_args__ = (
        CheckConstraint("last >= first", name="last_not_before_first"),
        Index("ix_closures_guild_id_last", "guild_id", "last"),
        # One row for each public holiday, however often they're added.
        Index("uq_closures_guild_id_region_first", "guild_id", "region", "first", unique=True),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    first: Mapped[date] = mapped_column(Date)
    last: Mapped[date] = mapped_column(Date)
    name: Mapped[str] = mapped_column(String(100))
    region: Mapped[str | None] = mapped_column(String(32))
    """Where it's a public holiday, such as "DE-BY"; None if an admin chose the days."""
    created_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    """When an admin removed it. The row stays, so that a public holiday isn't added again."""
