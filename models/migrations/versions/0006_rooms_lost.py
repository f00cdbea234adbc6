"""Count how often a session has lost its room."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("coaching_sessions", sa.Column("rooms_lost", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
