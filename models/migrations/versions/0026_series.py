"""Add weekly lessons."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of weekly lessons, and what servers choose about them."""
    op.create_table(
        "series",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(12), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("lesson_count", sa.Integer(), nullable=True),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("total_cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("pays_with", sa.String(32), nullable=False),
        sa.Column("requested_at", UTCDateTime(), nullable=False),
        sa.Column("hold_id", _ROW_ID, nullable=True),
        sa.Column("answer_by", UTCDateTime(), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("ends_at", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("made_until", UTCDateTime(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_step_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("student_id <> coach_id", name=op.f("ck_series_two_people")),
        sa.CheckConstraint("total_cost_minor >= 0", name=op.f("ck_series_cost_not_negative")),
        sa.CheckConstraint("duration_minutes > 0", name=op.f("ck_series_some_length")),
        sa.CheckConstraint("until IS NULL OR lesson_count IS NULL", name=op.f("ck_series_one_end")),
        sa.ForeignKeyConstraint(
            ["guild_id", "coach_id"], ["coaches.guild_id", "coaches.user_id"], name=op.f("fk_series_guild_id")
        ),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.id"], name=op.f("fk_series_hold_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("code", name=op.f("uq_series_code")),
    )
    op.create_index("ix_series_coach_id_status", "series", ["coach_id", "status"])
    op.create_index("ix_series_student_id_status", "series", ["student_id", "status"])
    _create_partial_index("ix_series_next_step_at", "series", "next_step_at")
    op.create_table(
        "series_rules",
        sa.Column("series_id", _ROW_ID, nullable=False),
        sa.Column("first_occurrence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("start_minute", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("interval_weeks", sa.Integer(), nullable=False),
        sa.Column("agreed_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("start_minute BETWEEN 0 AND 1439", name=op.f("ck_series_rules_minute_of_a_day")),
        sa.CheckConstraint("interval_weeks IN (1, 2)", name=op.f("ck_series_rules_one_or_two_weeks")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_series_rules_series_id")),
        sa.PrimaryKeyConstraint("series_id", "first_occurrence", name=op.f("pk_series_rules")),
    )
    op.create_table(
        "lessons",
        sa.Column("series_id", _ROW_ID, nullable=False),
        sa.Column("occurrence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=True),
        sa.Column("session_id", _ROW_ID, nullable=True),
        sa.Column("skipped", sa.String(32), nullable=True),
        sa.Column("pay_step_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "session_id IS NOT NULL OR skipped IS NOT NULL", name=op.f("ck_lessons_session_or_skipped")
        ),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_lessons_series_id")),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_lessons_session_id")),
        sa.PrimaryKeyConstraint("series_id", "occurrence", name=op.f("pk_lessons")),
    )
    op.create_index("uq_lessons_session_id", "lessons", ["session_id"], unique=True)
    _create_partial_index("ix_lessons_pay_step_at", "lessons", "pay_step_at")
    integer = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    # Not a batch: SQLite adds a column that refers to another table in place, as long as it may be empty.
    op.execute(
        f"ALTER TABLE notifications ADD COLUMN series_id {integer}"
        " CONSTRAINT fk_notifications_series_id REFERENCES series (id)"
    )
    _create_partial_index("ix_notifications_series_id", "notifications", "series_id")
    op.add_column("guilds", sa.Column("series_answer_hours", sa.Integer(), server_default="72", nullable=False))
    op.add_column("guilds", sa.Column("series_notice_days", sa.Integer(), server_default="7", nullable=False))
    op.add_column(
        "guilds", sa.Column("cancels_unpaid_lessons", sa.Boolean(), server_default=sa.true(), nullable=False)
    )


def _create_partial_index(name: str, table: str, column: str) -> None:
    which = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], sqlite_where=which, postgresql_where=which)


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
