"""Which revision a database has and which one this release needs, found without Alembic."""

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

MIGRATIONS = Path(__file__).parents[1] / "migrations"


def latest_revision() -> str:
    """Return the newest migration's revision. The files are named by revision, in order."""
    return max(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def current_revision(session: Session) -> str | None:
    """Return the schema's revision; None if no migration has run."""
    if not inspect(session.connection()).has_table("alembic_version"):
        return None
    return session.scalar(text("SELECT version_num FROM alembic_version"))
