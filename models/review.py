"""Reviews: what students think of their sessions."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, ForeignRowId, Snowflake, to_coach


class Review(Base):
    """A participant's stars and comment on one session. A review hidden by an admin isn't counted."""

    __tablename__ = "reviews"
    __table_args__ = (
        to_coach(),
        CheckConstraint("stars BETWEEN 1 AND 5", name="one_to_five_stars"),
        ForeignKeyConstraint(
            ["session_id", "student_id"], ["session_participants.session_id", "session_participants.user_id"]
        ),
        Index("ix_reviews_guild_id_coach_id", "guild_id", "coach_id", "created_at"),
    )

    session_id: Mapped[ForeignRowId]
    guild_id: Mapped[Snowflake]
    coach_id: Mapped[Snowflake]
    student_id: Mapped[Snowflake] = mapped_column(primary_key=True, autoincrement=False)
    stars: Mapped[int]
    comment: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    hidden_at: Mapped[datetime | None]
    hidden_by: Mapped[Snowflake | None]
