"""Add blocks, and whom an audit entry is about."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blocks",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("blocked_from", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("blocked_by", sa.BigInteger(), nullable=False),
        sa.Column("blocked_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_blocks_guild_id")),
        sa.PrimaryKeyConstraint("guild_id", "user_id", "blocked_from", name=op.f("pk_blocks")),
    )
    op.create_index("ix_blocks_guild_id_blocked_at", "blocks", ["guild_id", "blocked_at"])
    op.add_column("audit_entries", sa.Column("member_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
