"""Add coaches' avatars."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("coaches", sa.Column("avatar_url", sa.String(200), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
