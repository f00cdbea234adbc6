"""Add attendance, no-shows, reviews, alerts, reminders and fallback routes. Only adds columns."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _attendance()
    _reviews()
    _problems()
    for table, column in (
        ("coaching_sessions", sa.Column("role_intended_at", UTCDateTime(), nullable=True)),
        ("coaching_sessions", sa.Column("room_lost_at", UTCDateTime(), nullable=True)),
        ("coaching_sessions", sa.Column("absent", sa.String(length=32), nullable=True)),
        ("coaching_sessions", sa.Column("absence_marked_by", sa.BigInteger(), nullable=True)),
        ("coaching_sessions", sa.Column("appealed_at", UTCDateTime(), nullable=True)),
        ("coaching_sessions", sa.Column("appeal_reason", sa.String(), nullable=True)),
        ("coaching_sessions", sa.Column("appeal_decided_at", UTCDateTime(), nullable=True)),
        ("coaching_sessions", sa.Column("appeal_decided_by", sa.BigInteger(), nullable=True)),
        ("coaching_sessions", sa.Column("missed_at", UTCDateTime(), nullable=True)),
        ("coaching_sessions", sa.Column("took_place", sa.Boolean(), nullable=True)),
        ("coaching_sessions", sa.Column("presence_due_at", UTCDateTime(), nullable=True)),
        ("guilds", sa.Column("reminder_minutes", sa.JSON(none_as_null=True), nullable=True)),
        ("guilds", sa.Column("no_show_grace_minutes", sa.Integer(), server_default="15", nullable=False)),
        ("guilds", sa.Column("access_mode", sa.String(length=32), server_default="people", nullable=False)),
        ("guilds", sa.Column("keep_when_gone", sa.Boolean(), server_default=sa.false(), nullable=False)),
        ("guilds", sa.Column("log_channel_id", sa.BigInteger(), nullable=True)),
        ("guilds", sa.Column("fallback_channel_id", sa.BigInteger(), nullable=True)),
        ("members", sa.Column("reminders_off", sa.Boolean(), server_default=sa.false(), nullable=False)),
        ("notices", sa.Column("lead_minutes", sa.Integer(), nullable=True)),
        ("notices", sa.Column("route", sa.String(length=32), nullable=True)),
        ("notices", sa.Column("undeliverable_at", UTCDateTime(), nullable=True)),
        ("job_runs", sa.Column("trigger", sa.String(length=16), server_default="interval", nullable=False)),
        ("job_runs", sa.Column("due", sa.Integer(), server_default="0", nullable=False)),
    ):
        op.add_column(table, column)
    # One statement, because SQLite can't add a constraint to an existing column.
    row_id = _ROW_ID.compile(op.get_bind().dialect)
    op.execute(
        f"ALTER TABLE notices ADD COLUMN problem_id {row_id} "
        "CONSTRAINT fk_notices_problem_id REFERENCES problems (id)"
    )
    op.create_index(
        "ix_coaching_sessions_presence_due_at",
        "coaching_sessions",
        ["presence_due_at"],
        sqlite_where=sa.text("presence_due_at IS NOT NULL"),
        postgresql_where=sa.text("presence_due_at IS NOT NULL"),
    )
    op.create_index("ix_coaching_sessions_discord_channel_id", "coaching_sessions", ["discord_channel_id"])


def _attendance() -> None:
    op.create_table(
        "attendance",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("session_id", _ROW_ID, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("joined_at", UTCDateTime(), nullable=False),
        sa.Column("left_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_attendance_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
    )
    op.create_index("ix_attendance_session_id", "attendance", ["session_id"])


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("session_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("hidden_at", UTCDateTime(), nullable=True),
        sa.Column("hidden_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_reviews_one_to_five_stars")),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_reviews_session_id")),
        sa.ForeignKeyConstraint(
            ["guild_id", "coach_id"],
            ["coaches.guild_id", "coaches.user_id"],
            name=op.f("fk_reviews_guild_id_coach_id"),
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_reviews")),
    )
    op.create_index("ix_reviews_guild_id_coach_id", "reviews", ["guild_id", "coach_id", "created_at"])


def _problems() -> None:
    op.create_table(
        "problems",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("told_at", UTCDateTime(), nullable=False),
        sa.Column("times_told", sa.Integer(), nullable=False),
        sa.Column("fixed_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_problems_guild_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problems")),
    )
    op.create_index("uq_problems_guild_id_key", "problems", ["guild_id", "key"], unique=True)


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
