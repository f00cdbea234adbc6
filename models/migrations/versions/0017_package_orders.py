"""Add orders of packages that are paid outside, which an admin decides."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "package_orders",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("package_id", _ROW_ID, nullable=False),
        sa.Column("ordered_at", UTCDateTime(), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("lot_id", _ROW_ID, nullable=True),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_package_orders_guild_id")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_package_orders_package_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["credit_lots.id"], name=op.f("fk_package_orders_lot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_orders")),
    )
    op.create_index("ix_package_orders_guild_id_user_id", "package_orders", ["guild_id", "user_id"])
    is_open = sa.text("decided_at IS NULL")
    op.create_index(
        "uq_package_orders_open",
        "package_orders",
        ["user_id", "package_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    integer = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    # Not a batch: SQLite adds a column that refers to another table in place, as long as it may be empty.
    op.execute(
        f"ALTER TABLE notifications ADD COLUMN order_id {integer}"
        " CONSTRAINT fk_notifications_order_id REFERENCES package_orders (id)"
    )


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
