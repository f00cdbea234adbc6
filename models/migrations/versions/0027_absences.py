"""Add days on which coaches are away, what becomes of their sessions, and substitutes."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of absences and substitutes, and point notifications to them."""
    _absences()
    _substitutions()
    integer = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    # Not a batch: SQLite adds a column that refers to another table in place, as long as it may be empty.
    for column, table in (("absence_id", "absences"), ("substitution_id", "substitutions")):
        op.execute(
            f"ALTER TABLE notifications ADD COLUMN {column} {integer}"
            f" CONSTRAINT fk_notifications_{column} REFERENCES {table} (id)"
        )
        _partial_index(f"ix_notifications_{column}", "notifications", [column], f"{column} IS NOT NULL")
    op.create_table(
        "absence_news",
        sa.Column("notification_id", _ROW_ID, nullable=False),
        sa.Column("session_id", _ROW_ID, nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("was_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notifications.id"], name=op.f("fk_absence_news_notification_id")
        ),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_absence_news_session_id")),
        sa.PrimaryKeyConstraint("notification_id", "session_id", name=op.f("pk_absence_news")),
    )


def _absences() -> None:
    op.create_table(
        "absences",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("last >= first", name=op.f("ck_absences_last_not_before_first")),
        _to_coach("absences"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    op.create_index("ix_absences_guild_id_coach_id_last", "absences", ["guild_id", "coach_id", "last"])


def _substitutions() -> None:
    op.create_table(
        "substitutions",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("absence_id", _ROW_ID, nullable=False),
        sa.Column("session_id", _ROW_ID, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("substitute_id", sa.BigInteger(), nullable=False),
        sa.Column("hold_id", _ROW_ID, nullable=True),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("substitute_accepted_at", UTCDateTime(), nullable=True),
        sa.Column("student_accepted_at", UTCDateTime(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("next_step_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("substitute_id <> coach_id", name=op.f("ck_substitutions_two_coaches")),
        _to_coach("substitutions"),
        sa.ForeignKeyConstraint(["absence_id"], ["absences.id"], name=op.f("fk_substitutions_absence_id")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["coaching_sessions.id"], name=op.f("fk_substitutions_session_id")
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["holds.id"], name=op.f("fk_substitutions_hold_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_substitutions")),
    )
    op.create_index("ix_substitutions_absence_id", "substitutions", ["absence_id"])
    op.create_index("ix_substitutions_session_id", "substitutions", ["session_id"])
    op.create_index("ix_substitutions_hold_id", "substitutions", ["hold_id"])
    _partial_index("uq_substitutions_open", "substitutions", ["session_id"], "closed_at IS NULL", unique=True)
    _partial_index("ix_substitutions_next_step_at", "substitutions", ["next_step_at"], "next_step_at IS NOT NULL")


def _to_coach(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["guild_id", "coach_id"],
        ["coaches.guild_id", "coaches.user_id"],
        name=op.f(f"fk_{table}_guild_id_coach_id"),
    )


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    which = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=which, postgresql_where=which)


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
