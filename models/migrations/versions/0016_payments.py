"""Add payments by card, refunds, and the events that Stripe has delivered."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_payments()
    op.create_table(
        "refunds",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("payment_id", _ROW_ID, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("idempotency_key", sa.String(64), nullable=False),
        sa.Column("refund_id", sa.String(255), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("tried_at", UTCDateTime(), nullable=True),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.Column("next_try_at", UTCDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refunds_some_money")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_refunds_payment_id")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_refunds_idempotency_key")),
    )
    _create_partial_index("ix_refunds_next_try_at", "refunds", "next_try_at")
    op.create_table(
        "stripe_events",
        sa.Column("event_id", sa.String(255), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_stripe_events")),
    )
    op.create_index("ix_stripe_events_received_at", "stripe_events", ["received_at"])
    op.add_column("guilds", sa.Column("payment_mode", sa.String(32), server_default="off", nullable=False))
    integer = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE notifications ADD COLUMN payment_id {integer}"
        " CONSTRAINT fk_notifications_payment_id REFERENCES payments (id)"
    )


def _create_payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(12), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("hold_id", _ROW_ID, nullable=True),
        sa.Column("coach_id", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", UTCDateTime(), nullable=True),
        sa.Column("ends_at", UTCDateTime(), nullable=True),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("session_id", _ROW_ID, nullable=True),
        sa.Column("package_id", _ROW_ID, nullable=True),
        sa.Column("lot_id", _ROW_ID, nullable=True),
        sa.Column("idempotency_key", sa.String(64), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("checkout_id", sa.String(255), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("payment_intent_id", sa.String(255), nullable=True),
        sa.Column("receipt_url", sa.String(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("paid_at", UTCDateTime(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("refunded_elsewhere_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("disputed_at", UTCDateTime(), nullable=True),
        sa.Column("next_check_at", UTCDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payments_some_money")),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_payments_guild_id")),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.id"], name=op.f("fk_payments_hold_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_payments_session_id")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_payments_package_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["credit_lots.id"], name=op.f("fk_payments_lot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("code", name=op.f("uq_payments_code")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_payments_idempotency_key")),
        sa.UniqueConstraint("checkout_id", name=op.f("uq_payments_checkout_id")),
    )
    op.create_index("ix_payments_guild_id_user_id", "payments", ["guild_id", "user_id"])
    op.create_index("ix_payments_guild_id_created_at", "payments", ["guild_id", "created_at"])
    op.create_index("ix_payments_session_id", "payments", ["session_id"])
    op.create_index("ix_payments_hold_id", "payments", ["hold_id"])
    _create_partial_index("ix_payments_next_check_at", "payments", "next_check_at")


def _create_partial_index(name: str, table: str, column: str) -> None:
    where = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
