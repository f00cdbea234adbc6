"""The words for what became of offers and wishes, as admins read them."""

from models import OfferState, WishEnd

OUTCOMES = {
    OfferState.OPEN: "open",
    OfferState.PAYING: "being paid for",
    OfferState.TAKEN: "taken",
    OfferState.RESCHEDULED: "taken by rescheduling",
    OfferState.PASSED: "passed",
    OfferState.LAPSED: "ran out",
    OfferState.UNDELIVERED: "not delivered",
    OfferState.WITHDRAWN: "withdrawn",
}
ENDS = {
    WishEnd.BOOKED: "booked",
    WishEnd.STOPPED: "stopped by the student",
    WishEnd.EXPIRED: "nothing became free in time",
    WishEnd.UNANSWERED: "three offers unanswered",
    WishEnd.BLOCKED: "blocked",
    WishEnd.CANCELLED: "workshop cancelled",
}
