"""Let people wait for a seat in a workshop, and keep seats for them."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Not a batch: SQLite adds a column that refers to another table in place, as long as it may be empty.
    integer = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    for name in ("wishes", "freed_times"):
        op.execute(
            f"ALTER TABLE {name} ADD COLUMN session_id {integer}"
            f" CONSTRAINT fk_{name}_session_id REFERENCES coaching_sessions (id)"
        )
    # A batch: what's added in place can't be read back as ON DELETE SET NULL. No trigger guards this table.
    with op.batch_alter_table("workshop_seats") as table:
        table.add_column(sa.Column("freed_id", _ROW_ID, nullable=True))
        table.create_foreign_key(
            op.f("fk_workshop_seats_freed_id"), "freed_times", ["freed_id"], ["id"], ondelete="SET NULL"
        )
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_wishes_session_id", "wishes", ["session_id", "id"], sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_index("uq_workshop_seats_freed_id", "workshop_seats", ["freed_id"], unique=True)


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
