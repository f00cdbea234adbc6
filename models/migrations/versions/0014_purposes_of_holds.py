"""Let holds have a purpose: a student chooses one slot at a time, but may pay for others meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("holds", sa.Column("purpose", sa.String(32), server_default="choosing", nullable=False))
    op.drop_index("uq_holds_guild_id_student_id", "holds")
    op.create_index("ix_holds_guild_id_student_id", "holds", ["guild_id", "student_id"])
    choosing = sa.text("purpose = 'choosing'")
    op.create_index(
        "uq_holds_one_choosing",
        "holds",
        ["guild_id", "student_id"],
        unique=True,
        sqlite_where=choosing,
        postgresql_where=choosing,
    )


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
