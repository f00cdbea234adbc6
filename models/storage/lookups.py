"""Sessions that read single rows by their keys quickly, which is what most transactions do most."""

import functools
from typing import Any

from sqlalchemy import Select, bindparam, inspect, select
from sqlalchemy.orm import Session


class QuickLookups(Session):
    """Builds the statement of `get` once for each table. Building it each time takes longer than running it."""

    def get(self, entity: Any, ident: Any, **how: Any) -> Any:
        """Return the row with this key, or None, as `Session.get` does."""
        if any(how.values()) or isinstance(ident, dict):
            return super().get(entity, ident, **how)
        identity = self.identity_key(entity, ident)
        key = identity[1]
        if identity in self.identity_map or None in key:
            return super().get(entity, ident)
        return self.scalars(
            _by_key(entity), {f"key_{place}": part for place, part in enumerate(key)}
        ).one_or_none()


@functools.cache
def _by_key(entity: Any) -> Select[Any]:
    columns = enumerate(inspect(entity).primary_key)
    return select(entity).where(*(column == bindparam(f"key_{place}") for place, column in columns))
