"""Add workshops and their seats."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "workshops",
        sa.Column("session_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("takes_credit", sa.Boolean(), nullable=False),
        sa.Column("least", sa.Integer(), nullable=True),
        sa.Column("decide_at", UTCDateTime(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("has_event", sa.Boolean(), nullable=False),
        sa.Column("event_intended_at", UTCDateTime(), nullable=True),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("next_step_at", UTCDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint("seats BETWEEN 2 AND 50", name=op.f("ck_workshops_number_of_seats")),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_workshops_price_not_negative")),
        sa.CheckConstraint("least IS NULL OR (least BETWEEN 1 AND seats)", name=op.f("ck_workshops_least_fits")),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_workshops_session_id")),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_workshops")),
    )
    is_due = sa.text("next_step_at IS NOT NULL")
    op.create_index(
        "ix_workshops_next_step_at", "workshops", ["next_step_at"], sqlite_where=is_due, postgresql_where=is_due
    )
    op.create_table(
        "workshop_seats",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("session_id", _ROW_ID, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("hold_id", _ROW_ID, nullable=True),
        sa.Column("freed_id", _ROW_ID, nullable=True),
        sa.CheckConstraint("user_id IS NULL OR hold_id IS NULL", name=op.f("ck_workshop_seats_held_or_taken")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["coaching_sessions.id"], name=op.f("fk_workshop_seats_session_id")
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["holds.id"], name=op.f("fk_workshop_seats_hold_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["freed_id"], ["freed_times.id"], name=op.f("fk_workshop_seats_freed_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workshop_seats")),
    )
    op.create_index(
        "uq_workshop_seats_session_id_user_id", "workshop_seats", ["session_id", "user_id"], unique=True
    )
    op.create_index("uq_workshop_seats_hold_id", "workshop_seats", ["hold_id"], unique=True)
    op.create_index("uq_workshop_seats_freed_id", "workshop_seats", ["freed_id"], unique=True)
    # Not a batch: SQLite adds a column that refers to another table in place, as long as it may be empty.
    integer = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE holds ADD COLUMN session_id {integer}"
        " CONSTRAINT fk_holds_session_id REFERENCES coaching_sessions (id)"
    )
    op.create_index("ix_holds_session_id", "holds", ["session_id"])
    op.add_column("guilds", sa.Column("workshop_channel_id", sa.BigInteger(), nullable=True))
    for name in ("names_participants", "mirrors_workshops"):
        op.add_column("guilds", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
