"""Who acts, and what they may do."""

from dataclasses import dataclass

from scheduler.core.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Actor:
    """The person whose press or command it is, and what they are in this server at this moment."""

    user_id: int
    is_admin: bool = False

    def must_be_admin(self) -> None:
        """Raise NotAllowed unless they may manage the server or hold its admin role."""
        if not self.is_admin:
            raise NotAllowed("Only admins can do this. Ask someone with Manage Server.")
