"""Read the fields of a form, and report everything that's wrong with them at once."""

from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, Self, TypeVar, cast

from scheduler.core.errors import Unreadable, WrongFields

P = ParamSpec("P")
T = TypeVar("T")


class Fields:
    """Reads fields in a `with` block, whose end raises WrongFields for all that couldn't be read.

    with Fields() as fields:
        days = fields.read("Days", parse_days, typed["Days"])
        hours = fields.read("Hours", parse_hours, typed["Hours"])
    """

    def __init__(self) -> None:
        self._errors: dict[str, Unreadable] = {}

    @property
    def wrong(self) -> dict[str, str]:
        """What's wrong so far, by the field's label."""
        return {label: str(error) for label, error in self._errors.items()}

    def __enter__(self) -> Self:
        """Begin to read."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        """Raise WrongFields, unless the block raised something else.

        A single error that knows more than its words, such as which zones are possible, is raised as it is.
        """
        if kind is None and self._errors:
            first, *others = self._errors.values()
            raise WrongFields(self.wrong) if others or type(first) is Unreadable else first

    def read(self, label: str, parse: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `parse` returns.

        If that raises Unreadable, the result isn't usable: look into `wrong` before using it inside the block.
        Nothing after the block runs. Only a field's first error counts.
        """
        try:
            return parse(*args, **kwargs)
        except Unreadable as error:
            self._errors.setdefault(label, error)
            return cast("T", None)
