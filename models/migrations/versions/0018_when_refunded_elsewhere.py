"""Record when money was paid back in Stripe's dashboard."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("refunded_elsewhere_at", UTCDateTime(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
