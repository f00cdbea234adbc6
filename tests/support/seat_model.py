"""What should become of a workshop's seats, in plain Python."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(eq=False)
class Kept:
    """A seat that's kept for somebody until a time, while they pay."""

    who: int
    until: datetime


@dataclass
class Seats:
    """Seats in order. Each is free (None), somebody's, or kept for somebody."""

    seats: list[int | Kept | None]
    left: set[int] = field(default_factory=set)
    """Who has given their seat back."""
    keeping: dict[int, Kept] = field(default_factory=dict)
    """Who began to pay and hasn't ended that, even if it has run out and the seat may be another's."""
    is_cancelled: bool = False

    @property
    def taken_by(self) -> list[int]:
        return [one for one in self.seats if isinstance(one, int)]

    def free(self, now: datetime) -> list[int]:
        """Return which seats are free, from the first."""
        return [
            number
            for number, one in enumerate(self.seats)
            if one is None or (isinstance(one, Kept) and one.until <= now)
        ]

    def why_not(self, who: int, now: datetime) -> str:
        """Return why somebody can't take a seat or begin to pay for one; empty if they can."""
        if self.is_cancelled:
            return "TooLate"
        if who in self.keeping and self.keeping[who].until > now:
            return "NotBookable"
        return "" if self.free(now) else "WorkshopFull"

    def take(self, who: int, now: datetime) -> str:
        """Return "" if they have a seat then, or why not."""
        if who in self.taken_by:
            return ""
        if why := self.why_not(who, now):
            return why
        self.drop(who)
        self._give(who, now)
        return ""

    def keep(self, who: int, now: datetime, until: datetime) -> str:
        """Return "" if a seat is kept for them then, or why not."""
        if who in self.taken_by:
            return "NotBookable"
        if why := self.why_not(who, now):
            return why
        self.drop(who)
        self.keeping[who] = Kept(who, until)
        self.seats[self.free(now)[0]] = self.keeping[who]
        return ""

    def pay(self, who: int, now: datetime) -> str:
        """Return "" if they have a seat then, or why what they've paid comes too late."""
        if self.is_cancelled:
            return "TooLate"
        kept = self.keeping[who]
        if kept in self.seats:
            self.seats[self.seats.index(kept)] = who
        elif self.free(now):
            self._give(who, now)
        else:
            return "WorkshopFull"
        del self.keeping[who]
        self.left.discard(who)
        return ""

    def drop(self, who: int) -> None:
        """Keep nothing for them any more."""
        kept = self.keeping.pop(who, None)
        self.seats = [None if one is kept else one for one in self.seats]

    def leave(self, who: int) -> str:
        """Give a seat back; returns the name of the refusal, or nothing."""
        if who in self.left:
            return ""
        if who not in self.taken_by:
            return "NotFound"
        if self.is_cancelled:
            return "TooLate"
        self.seats[self.seats.index(who)] = None
        self.left.add(who)
        return ""

    def resize(self, to: int, now: datetime) -> str:
        """Change how many seats there are; returns the name of the refusal, or nothing."""
        if self.is_cancelled:
            return "TooLate"
        unused = self.free(now)
        if to < len(self.seats) - len(unused):
            return "Unreadable"
        self.seats += [None] * (to - len(self.seats))
        for number in reversed(unused[len(unused) - max(len(self.seats) - to, 0) :]):
            del self.seats[number]
        return ""

    def _give(self, who: int, now: datetime) -> None:
        self.seats[self.free(now)[0]] = who
        self.left.discard(who)
