"""Add date overrides, limits, undo, rescheduling, presets, default booking rules and personal time zones.

Only adds columns: rebuilding a table on SQLite would delete the rows that refer to it.
"""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "availability_changes",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["guild_id", "coach_id"],
            ["coaches.guild_id", "coaches.user_id"],
            name=op.f("fk_availability_changes_guild_id_coach_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("guild_id", "coach_id", name=op.f("pk_availability_changes")),
    )
    op.create_table(
        "date_overrides",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("adds", sa.Boolean(), nullable=False),
        sa.Column("windows", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["guild_id", "coach_id"],
            ["coaches.guild_id", "coaches.user_id"],
            name=op.f("fk_date_overrides_guild_id_coach_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("guild_id", "coach_id", "day", name=op.f("pk_date_overrides")),
    )
    for column in ("daily_limit", "weekly_limit"):
        # One statement, because SQLite can't add a constraint to an existing column.
        op.execute(
            f"ALTER TABLE coaches ADD COLUMN {column} INTEGER "
            f"CONSTRAINT ck_coaches_{column}_positive CHECK ({column} > 0)"
        )
    for column in (
        sa.Column("moved_at", UTCDateTime(), nullable=True),
        sa.Column("moved_by", sa.BigInteger(), nullable=True),
        sa.Column("moved_from", UTCDateTime(), nullable=True),
        sa.Column("move_reason", sa.String(), nullable=True),
        sa.Column("kept_at", UTCDateTime(), nullable=True),
    ):
        op.add_column("coaching_sessions", column)
    op.add_column("guilds", sa.Column("presets", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("guilds", sa.Column("first_rules", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("members", sa.Column("time_zone", sa.String(length=64), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
