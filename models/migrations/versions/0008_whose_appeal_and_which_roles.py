"""Add who appealed, and which roles coaches were given. Only adds columns."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("coaching_sessions", sa.Column("appealed_by", sa.BigInteger(), nullable=True))
    op.add_column("coaches", sa.Column("given_role_ids", sa.JSON(none_as_null=True), nullable=True))
    # Until now each session had one appeal, and the audit log says whose.
    op.execute(
        """
        UPDATE coaching_sessions SET appealed_by = COALESCE(
            (
                SELECT MIN(actor_id) FROM audit_entries
                WHERE audit_entries.session_id = coaching_sessions.id AND action = 'no_show_appealed'
            ),
            CASE absent WHEN 'coach' THEN coach_id ELSE student_id END
        )
        WHERE appealed_at IS NOT NULL
        """
    )
    # Current coaches have the role chosen now, unless it's just being given or taken.
    json_list = "('[' || coach_role_id || ']')"
    if op.get_bind().dialect.name == "postgresql":
        json_list = f"CAST({json_list} AS JSON)"
    op.execute(
        f"""
        UPDATE coaches SET given_role_ids = (
            SELECT {json_list} FROM guilds WHERE guilds.id = coaches.guild_id AND coach_role_id IS NOT NULL
        )
        WHERE status IN ('APPROVED', 'SUSPENDED') AND (status = 'APPROVED' OR role_due_at IS NOT NULL)
        """
    )


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
