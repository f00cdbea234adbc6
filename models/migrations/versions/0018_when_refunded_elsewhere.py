"""Record when money was paid back in Stripe's dashboard, and find open payments without the closed ones."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("refunded_elsewhere_at", UTCDateTime(), nullable=True))
    still_open = sa.text("closed_at IS NULL")
    op.create_index(
        "ix_payments_open", "payments", ["guild_id"], sqlite_where=still_open, postgresql_where=still_open
    )


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
