"""Rename tables, columns and one kind of alert to the field's names. Rebuilds nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLES = {"notices": "notifications", "problems": "alerts"}
_COLUMNS = {
    "notifications": {"problem_id": "alert_id"},
    "job_runs": {"notices": "notifications"},
    "guilds": {
        "most_coming": "most_upcoming",
        "how_to_pay": "payment_instructions",
        "first_rules": "default_policy",
        "keep_when_gone": "keep_after_departure",
    },
    "coaches": {"presence_due_at": "membership_due_at"},
    "coaching_sessions": {
        "presence_due_at": "membership_due_at",
        "moved_at": "rescheduled_at",
        "moved_by": "rescheduled_by",
        "moved_from": "rescheduled_from",
        "move_reason": "reschedule_reason",
    },
}
_WORDS = _TABLES | {"problem_id": "alert_id", "presence_due_at": "membership_due_at"}
"""Words to replace in the names of indexes, constraints and sequences."""


def upgrade() -> None:
    for old, new in _TABLES.items():
        op.rename_table(old, new)
    for table, columns in _COLUMNS.items():
        for old, new in columns.items():
            op.alter_column(table, old, new_column_name=new)
    op.execute("UPDATE alerts SET key = 'setup:fallback_channel' WHERE key = 'setup:news_channel'")
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        _rename_on_postgresql(connection)
    else:
        _rename_on_sqlite(connection)


def _rename_on_postgresql(connection: sa.Connection) -> None:
    """Rename constraints first: renaming a key's constraint renames its index."""
    ours = "n.nspname = current_schema()"
    constraints = connection.exec_driver_sql(
        "SELECT t.relname, c.conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid"
        f" JOIN pg_namespace n ON n.oid = t.relnamespace WHERE {ours}"
    ).all()
    for table, name in constraints:
        if (new := _renamed(name)) != name:
            op.execute(f'ALTER TABLE "{table}" RENAME CONSTRAINT "{name}" TO "{new}"')
    others = connection.exec_driver_sql(
        "SELECT c.relkind = 'S', c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE {ours} AND c.relkind IN ('i', 'S')"
    ).all()
    for is_sequence, name in others:
        if (new := _renamed(name)) != name:
            op.execute(f'ALTER {"SEQUENCE" if is_sequence else "INDEX"} "{name}" RENAME TO "{new}"')


def _rename_on_sqlite(connection: sa.Connection) -> None:
    """Recreate indexes under their new names. Renaming a constraint would mean rebuilding its table."""
    indexes = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ).all()
    for name, sql in indexes:
        if (new := _renamed(name)) != name:
            op.execute(f'DROP INDEX "{name}"')
            op.execute(sa.text(sql.replace(name, new, 1)))


def _renamed(name: str) -> str:
    for old, new in _WORDS.items():
        name = name.replace(old, new)
    return name


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
