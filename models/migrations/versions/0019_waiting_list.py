"""Add the waiting list: wishes, time that became free, and offers of it."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("holds", sa.Column("next_step_at", UTCDateTime(), nullable=True))
    _partial_index("ix_holds_next_step_at", "holds", ["next_step_at"], "next_step_at IS NOT NULL")
    _wishes()
    _freed_times()
    _offers()
    integer = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    # Not a batch: SQLite adds a column that refers to another table in place, as long as it may be empty.
    for column, table in (("offer_id", "offers"), ("wish_id", "wishes")):
        op.execute(
            f"ALTER TABLE notifications ADD COLUMN {column} {integer}"
            f" CONSTRAINT fk_notifications_{column} REFERENCES {table} (id)"
        )
    _partial_index("ix_notifications_offer_id", "notifications", ["offer_id"], "offer_id IS NOT NULL")
    op.create_index("ix_coaches_user_id", "coaches", ["user_id"])


def _wishes() -> None:
    op.create_table(
        "wishes",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=True),
        sa.Column("session_id", _ROW_ID, nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("weekdays", sa.Integer(), nullable=False),
        sa.Column("from_minute", sa.Integer(), nullable=False),
        sa.Column("until_minute", sa.Integer(), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("unanswered", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("end_reason", sa.String(32), nullable=True),
        sa.Column("next_step_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_wishes_minutes_positive")),
        sa.CheckConstraint("weekdays BETWEEN 1 AND 127", name=op.f("ck_wishes_some_weekday")),
        sa.CheckConstraint(
            "from_minute >= 0 AND from_minute < until_minute AND until_minute <= 1440",
            name=op.f("ck_wishes_hours_of_a_day"),
        ),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_wishes_guild_id")),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_wishes_session_id")),
        _to_coach("wishes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wishes")),
    )
    _partial_index("ix_wishes_open", "wishes", ["guild_id", "coach_id", "id"], "ended_at IS NULL")
    _partial_index("ix_wishes_session_id", "wishes", ["session_id", "id"], "ended_at IS NULL")
    op.create_index("ix_wishes_user_id", "wishes", ["user_id"])
    _partial_index("ix_wishes_next_step_at", "wishes", ["next_step_at"], "next_step_at IS NOT NULL")


def _freed_times() -> None:
    op.create_table(
        "freed_times",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("session_id", _ROW_ID, nullable=True),
        sa.Column("is_new_hours", sa.Boolean(), nullable=False),
        sa.Column("freed_from", sa.BigInteger(), nullable=True),
        sa.Column("offers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("next_step_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_freed_times_ends_after_start")),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_freed_times_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freed_times")),
    )
    op.create_index("ix_freed_times_coach_id_starts_at", "freed_times", ["coach_id", "starts_at"])
    _partial_index("ix_freed_times_next_step_at", "freed_times", ["next_step_at"], "next_step_at IS NOT NULL")


def _offers() -> None:
    op.create_table(
        "offers",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("wish_id", _ROW_ID, nullable=False),
        sa.Column("freed_id", _ROW_ID, nullable=True),
        sa.Column("hold_id", _ROW_ID, nullable=True),
        sa.Column("session_id", _ROW_ID, nullable=True),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("offered_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("next_step_at", UTCDateTime(), nullable=True),
        _to_coach("offers"),
        sa.ForeignKeyConstraint(["wish_id"], ["wishes.id"], name=op.f("fk_offers_wish_id")),
        sa.ForeignKeyConstraint(
            ["freed_id"], ["freed_times.id"], name=op.f("fk_offers_freed_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.id"], name=op.f("fk_offers_hold_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_offers_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    op.create_index("ix_offers_user_id_coach_id", "offers", ["user_id", "coach_id", "starts_at"])
    op.create_index("ix_offers_coach_id_starts_at", "offers", ["coach_id", "starts_at"])
    op.create_index("ix_offers_wish_id", "offers", ["wish_id"])
    op.create_index("ix_offers_freed_id", "offers", ["freed_id"])
    op.create_index("ix_offers_hold_id", "offers", ["hold_id"])
    _partial_index("ix_offers_next_step_at", "offers", ["next_step_at"], "next_step_at IS NOT NULL")
    _partial_index("ix_offers_open", "offers", ["guild_id"], "closed_at IS NULL")


def _to_coach(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["guild_id", "coach_id"],
        ["coaches.guild_id", "coaches.user_id"],
        name=op.f(f"fk_{table}_guild_id_coach_id"),
    )


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
