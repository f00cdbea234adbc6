"""Which revision a database's tables have, and which one this program needs; found out without Alembic."""

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

MIGRATIONS = Path(__file__).parents[1] / "migrations"


def newest() -> str:
    """Of the migrations that come with this program; their files are named by their revisions, in order."""
    return max(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def found(session: Session) -> str | None:
    """The revision of the schema; None where no migration has run."""
    if not inspect(session.connection()).has_table("alembic_version"):
        return None
    return session.scalar(text("SELECT version_num FROM alembic_version"))
