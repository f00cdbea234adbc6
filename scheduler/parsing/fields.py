"""Read the fields of a form, and the parts of a list, and report everything that's wrong with them at once."""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import ParamSpec, Self, TypeVar, cast

from scheduler.core.errors import Unreadable, WrongFields

P = ParamSpec("P")
T = TypeVar("T")

MOST_PROBLEMS = 10
"""A list's further problems are only counted, so that a refusal fits a message."""


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


def read_each(parts: Iterable[str], parse: Callable[[str], T], *others: str) -> list[T]:
    """Return what `parse` returns for each part of a list.

    Raises Unreadable for all parts that can't be read, and for `others`, which are problems with the whole list.
    The error is of the same type as the first part's.
    """
    read: list[T] = []
    wrong: list[Unreadable] = [Unreadable(*others)] if others else []
    for part in parts:
        try:
            read.append(parse(part))
        except Unreadable as error:
            wrong.append(error)
    if not wrong:
        return read
    problems = list(dict.fromkeys(problem for error in wrong for problem in error.problems))
    if (left_out := len(problems) - MOST_PROBLEMS) > 0:
        problems[MOST_PROBLEMS:] = [f"… and {left_out} more."]
    raise wrong[0] if len(wrong) == 1 else type(wrong[0])(*problems)
