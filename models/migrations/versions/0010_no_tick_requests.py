"""Drop the table for requests to the running bot."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("tick_requests")


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
