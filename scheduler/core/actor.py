"""Who acts, and whether they're an admin."""

from typing import NamedTuple

from scheduler.core.errors import NotAllowed


class Actor(NamedTuple):
    """The person who pressed or ran a command, as they are in this server now."""

    user_id: int
    is_admin: bool = False
    role_ids: frozenset[int] | None = None
    """Their roles in this server; None if they aren't known, as in direct messages."""

    def must_be_admin(self) -> None:
        """Raise NotAllowed unless they can manage the server or have its admin role."""
        if not self.is_admin:
            raise NotAllowed("Only admins can do this. Ask someone with Manage Server.")
