"""Add the servers that removed the bot, and the causes of problems.

Sessions from before 0004 get reminders and membership checks, like later ones.
"""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from models import stored_json
from models.base import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_USUAL_REMINDERS = [24 * 60, 60]
_TOO_SOON = timedelta(minutes=5)
"""Reminders due this soon after booking are skipped."""
_AT_ONCE = 500


def upgrade() -> None:
    op.add_column("guilds", sa.Column("bot_removed_at", UTCDateTime(), nullable=True))
    op.add_column(
        "problems", sa.Column("cause", sa.String(length=16), server_default=sa.text("''"), nullable=False)
    )
    op.drop_index("uq_problems_guild_id_key", "problems")
    op.create_index("uq_problems_guild_id_key_cause", "problems", ["guild_id", "key", "cause"], unique=True)
    _look_for_their_students()
    _promise_reminders()


_SESSIONS = sa.table(
    "coaching_sessions",
    sa.column("id", sa.BigInteger),
    sa.column("guild_id", sa.BigInteger),
    sa.column("coach_id", sa.BigInteger),
    sa.column("student_id", sa.BigInteger),
    sa.column("status", sa.String),
    sa.column("starts_at", UTCDateTime),
    sa.column("created_at", UTCDateTime),
    sa.column("moved_at", UTCDateTime),
    sa.column("next_step_at", UTCDateTime),
    sa.column("presence_due_at", UTCDateTime),
)
_GUILDS = sa.table("guilds", sa.column("id", sa.BigInteger), sa.column("reminder_minutes", sa.JSON))
_NOTICES = sa.table(
    "notices",
    sa.column("guild_id", sa.BigInteger),
    sa.column("kind", sa.String),
    sa.column("user_id", sa.BigInteger),
    sa.column("session_id", sa.BigInteger),
    sa.column("created_at", UTCDateTime),
    sa.column("due_at", UTCDateTime),
    sa.column("lead_minutes", sa.Integer),
    sa.column("revision", sa.Integer),
    sa.column("attempts", sa.Integer),
)
_IS_COMING = sa.and_(_SESSIONS.c.status == "SCHEDULED", _SESSIONS.c.next_step_at.is_not(None))


def _look_for_their_students() -> None:
    """Check later sessions' students at the next tick. Sessions within a day check theirs themselves."""
    never_looked = _SESSIONS.c.presence_due_at.is_(None)
    op.execute(sa.update(_SESSIONS).where(_IS_COMING, never_looked).values(presence_due_at=_SESSIONS.c.created_at))


def _promise_reminders() -> None:
    """Add reminders to upcoming sessions that have none. Those that are already too late are given up once due."""
    kind = "session_reminder"
    promised = sa.select(_NOTICES.c.session_id).where(
        _NOTICES.c.session_id == _SESSIONS.c.id, _NOTICES.c.kind == kind
    )
    found = (
        sa.select(_SESSIONS, _GUILDS.c.reminder_minutes)
        .join(_GUILDS, _GUILDS.c.id == _SESSIONS.c.guild_id)
        .where(_IS_COMING, ~promised.exists())
    )
    rows = [
        {
            "guild_id": one.guild_id,
            "kind": kind,
            "user_id": user_id,
            "session_id": one.id,
            "created_at": one.created_at,
            "due_at": due_at,
            "lead_minutes": minutes,
            "revision": 1,
            "attempts": 0,
        }
        for one in op.get_bind().execute(found)
        for minutes in _leads(one.reminder_minutes)
        if (due_at := one.starts_at - timedelta(minutes=minutes)) >= (one.moved_at or one.created_at) + _TOO_SOON
        for user_id in (one.student_id, one.coach_id)
    ]
    for first in range(0, len(rows), _AT_ONCE):
        op.bulk_insert(_NOTICES, rows[first : first + _AT_ONCE])


def _leads(stored: Any) -> list[int]:
    """Return a server's reminder times, or the defaults if they can't be read."""
    leads = stored_json.leads(stored)
    return _USUAL_REMINDERS if leads is None else leads


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
