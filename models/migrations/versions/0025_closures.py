"""Add days on which servers are closed."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "closures",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("region", sa.String(32), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("lifted_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("last >= first", name=op.f("ck_closures_last_not_before_first")),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_closures_guild_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closures")),
    )
    op.create_index("ix_closures_guild_id_last", "closures", ["guild_id", "last"])
    holiday = ["guild_id", "region", "first"]
    op.create_index("uq_closures_guild_id_region_first", "closures", holiday, unique=True)
    op.add_column("guilds", sa.Column("holiday_region", sa.String(32), nullable=True))
    op.add_column("guilds", sa.Column("holidays_due_at", UTCDateTime(), nullable=True))
    _create_partial_index("ix_guilds_holidays_due_at", "guilds", "holidays_due_at", "holidays_due_at IS NOT NULL")


def _create_partial_index(name: str, table: str, column: str, where: str) -> None:
    which = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=which, postgresql_where=which)


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
