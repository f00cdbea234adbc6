"""Let people say that they're running late."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("coaching_sessions", sa.Column("coach_late_minutes", sa.Integer(), nullable=True))
    op.add_column("session_participants", sa.Column("late_minutes", sa.Integer(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
