"""Add holds, cancellation terms, payment instructions, ratings and departed coaches."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["guild_id", "coach_id"],
            ["coaches.guild_id", "coaches.user_id"],
            name=op.f("fk_holds_guild_id_coach_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("uq_holds_guild_id_student_id", "holds", ["guild_id", "student_id"], unique=True)
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_reservations()
    else:
        op.alter_column("reservations", "session_id", nullable=True)
        op.add_column("reservations", sa.Column("hold_id", sa.BigInteger(), nullable=True))
        op.create_foreign_key(
            op.f("fk_reservations_hold_id"), "reservations", "holds", ["hold_id"], ["id"], ondelete="CASCADE"
        )
        op.create_check_constraint(
            op.f("ck_reservations_one_owner"), "reservations", "(session_id IS NULL) <> (hold_id IS NULL)"
        )
    op.create_index("ix_reservations_hold_id", "reservations", ["hold_id"])
    for table, column in (
        ("coaching_sessions", sa.Column("cancelled_late", sa.Boolean(), nullable=True)),
        ("coaching_sessions", sa.Column("revision", sa.Integer(), server_default="0", nullable=False)),
        ("coaches", sa.Column("rating_total", sa.Integer(), server_default="0", nullable=False)),
        ("coaches", sa.Column("rating_count", sa.Integer(), server_default="0", nullable=False)),
        ("coaches", sa.Column("left_at", UTCDateTime(), nullable=True)),
        ("coaches", sa.Column("presence_due_at", UTCDateTime(), nullable=True)),
        ("guilds", sa.Column("cancel_notice_minutes", sa.Integer(), server_default="0", nullable=False)),
        ("guilds", sa.Column("most_coming", sa.Integer(), server_default="10", nullable=False)),
        ("guilds", sa.Column("how_to_pay", sa.String(), nullable=True)),
    ):
        op.add_column(table, column)
    op.create_index(
        "ix_coaches_presence_due_at",
        "coaches",
        ["presence_due_at"],
        sqlite_where=sa.text("presence_due_at IS NOT NULL"),
        postgresql_where=sa.text("presence_due_at IS NOT NULL"),
    )
    op.execute("UPDATE coaches SET presence_due_at = applied_at WHERE status = 'APPROVED'")


def _rebuild_reservations() -> None:
    """Rebuild the table, because SQLite can't make a column nullable in place, and recreate its triggers."""
    op.create_table(
        "new_reservations",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=True),
        sa.Column("hold_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_reservations_ends_after_start")),
        sa.CheckConstraint("ends_at - starts_at <= 86400000000", name=op.f("ck_reservations_longest")),
        sa.CheckConstraint("(session_id IS NULL) <> (hold_id IS NULL)", name=op.f("ck_reservations_one_owner")),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_reservations_session_id")),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["holds.id"], name=op.f("fk_reservations_hold_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
    )
    op.execute(
        "INSERT INTO new_reservations (id, user_id, starts_at, ends_at, session_id)"
        " SELECT id, user_id, starts_at, ends_at, session_id FROM reservations"
    )
    op.drop_table("reservations")
    op.rename_table("new_reservations", "reservations")
    op.create_index("ix_reservations_user_id_starts_at", "reservations", ["user_id", "starts_at"])
    op.create_index("ix_reservations_session_id", "reservations", ["session_id"])
    overlaps = (
        "SELECT RAISE(ABORT, 'reservations_no_overlap') WHERE EXISTS (SELECT 1 FROM reservations"
        " WHERE user_id = NEW.user_id AND starts_at < NEW.ends_at"
        " AND starts_at > NEW.starts_at - 86400000000 AND ends_at > NEW.starts_at"
    )
    op.execute(
        f"CREATE TRIGGER reservations_no_overlap_insert BEFORE INSERT ON reservations BEGIN {overlaps}); END"
    )
    op.execute(
        "CREATE TRIGGER reservations_no_overlap_update BEFORE UPDATE ON reservations"
        f" BEGIN {overlaps} AND id <> OLD.id); END"
    )


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
