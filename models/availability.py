"""When a coach works, in minutes of the day in the coach's zone: by weekday, and on single dates."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, Date, Index
from sqlalchemy.orm import Mapped, mapped_column

from models import stored_json
from models.base import Base, RowId, Snowflake, to_coach
from models.stored_json import StoredJSON


class AvailabilityRule(Base):
    """`[start_minute, end_minute)` on this weekday. Monday is 0; minute 1440 is the end of the day."""

    __tablename__ = "availability_rules"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440", name="minutes"),
        to_coach(ondelete="CASCADE"),
        Index("ix_availability_rules_guild_id_coach_id", "guild_id", "coach_id"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake]
    coach_id: Mapped[Snowflake]
    weekday: Mapped[int]
    start_minute: Mapped[int]
    end_minute: Mapped[int]


class DateOverride(Base):
    """Hours on one date of the coach's calendar, in addition to the weekly ones or instead of them."""

    __tablename__ = "date_overrides"
    __table_args__ = (to_coach(ondelete="CASCADE"),)

    guild_id: Mapped[Snowflake] = mapped_column(primary_key=True)
    coach_id: Mapped[Snowflake] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    adds: Mapped[bool]
    """True: these hours add to the weekly ones. False: they replace them; an empty list is a day off."""
    windows: Mapped[list[list[int]]] = mapped_column(StoredJSON(stored_json.windows))
    """`[start, end)` in minutes of the day, sorted and disjoint."""
    reason: Mapped[str | None]
    """Shown only to the coach, and in the picture of their week."""


class AvailabilityChange(Base):
    """A coach's hours and booking rules before the last change, so that it can be undone once."""

    __tablename__ = "availability_changes"
    __table_args__ = (to_coach(ondelete="CASCADE"),)

    guild_id: Mapped[Snowflake] = mapped_column(primary_key=True)
    coach_id: Mapped[Snowflake] = mapped_column(primary_key=True)
    number: Mapped[int]
    """Counts the coach's changes, so that an undo button only undoes the change it was shown for."""
    before: Mapped[dict[str, Any] | None] = mapped_column(StoredJSON(stored_json.mapping_or_none))
    """None once it was undone."""
