"""A coach's weekly hours, as wall-clock minutes of the coach's own zone."""

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped

from models.base import Base, RowId, Snowflake


class AvailabilityRule(Base):
    """`[start_minute, end_minute)` of every such weekday. Monday is 0; minute 1440 is the end of the day."""

    __tablename__ = "availability_rules"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440", name="minutes"),
        ForeignKeyConstraint(
            ["guild_id", "coach_id"], ["coaches.guild_id", "coaches.user_id"], ondelete="CASCADE"
        ),
        Index("ix_availability_rules_guild_id_coach_id", "guild_id", "coach_id"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake]
    coach_id: Mapped[Snowflake]
    weekday: Mapped[int]
    start_minute: Mapped[int]
    end_minute: Mapped[int]
