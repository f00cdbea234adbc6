"""Ask before a session is extended, and keep what was booked and agreed when it is, or ends early."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("booked_ends_at", "agreed_ends_at", "extension_asked_at"):
        op.add_column("coaching_sessions", sa.Column(name, UTCDateTime(), nullable=True))
    for name in ("booked_cost_minor", "extension_asked_by", "extension_cost_minor"):
        op.add_column("coaching_sessions", sa.Column(name, sa.BigInteger(), nullable=True))
    asked = sa.Column("extensions_asked", sa.Integer(), server_default="0", nullable=False)
    op.add_column("coaching_sessions", asked)
    op.add_column("guilds", sa.Column("most_extensions", sa.Integer(), server_default="2", nullable=False))
    op.add_column("guilds", sa.Column("extension_price", sa.String(32), server_default="same", nullable=False))


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
