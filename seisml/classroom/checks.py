"""Checks of answers in the notebooks: silent where right, one helpful line where not."""

import hashlib
from types import EllipsisType


class CheckError(AssertionError):
    """An answer that is missing or not right; notebooks show its message alone."""

    def _render_traceback_(self) -> list[str]:
        return [f"\x1b[31mNot yet.\x1b[0m {self}"]


class task:  # noqa: N801 - reads as a statement: with task("1.2"):
    """Check one task: the first failed assertion is what the student reads.

    Parameters
    ----------
    name : str
        Number of the task.

    Raises
    ------
    CheckError
        If an assertion inside fails, or the answer cannot be used at all.

    Examples
    --------
    >>> with task("1.1"):
    ...     assert 1 + 1 == 2, "add them"
    Task 1.1: right.
    >>> with task("1.2"):
    ...     assert ... > 2, "must be more than 2"
    Traceback (most recent call last):
    seisml.classroom.checks.CheckError: Task 1.2: replace the ... by your answer.
    """

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> "task":
        return self

    def __exit__(self, kind, error, traceback) -> bool:
        if error is None:
            print(f"Task {self.name}: right.")  # noqa: T201 - the answer of a notebook's cell
            return False
        if not isinstance(error, Exception):
            return False
        raise CheckError(f"Task {self.name}: {_told(error)}") from None


def _told(error: Exception) -> str:
    if isinstance(error, AssertionError):
        return str(error) or "this is not right yet."
    if isinstance(error, NameError):
        return f"{error}: run the cell above, and keep the names that it has."
    if "ellipsis" in str(error) or "NoneType" in str(error):
        return "replace the ... by your answer."
    return f"your answer cannot be used ({type(error).__name__}: {error})."


def given(**answers) -> None:
    """Fail where an answer is still ``...`` or None.

    Raises
    ------
    AssertionError
        Naming the answer.

    Examples
    --------
    >>> given(slope=1.5)
    """
    for name, value in answers.items():
        empty = value is None or isinstance(value, EllipsisType)
        assert not empty, f"replace the ... of {name} by your answer."


def same(answer, code: str) -> bool:
    """Say whether an answer is the one of a code that does not give it away.

    Parameters
    ----------
    answer : object
        Compared as text, without case and blanks at the ends.
    code : str
        From `code_of`.

    Examples
    --------
    >>> same(" B", code_of("b"))
    True
    """
    return code_of(answer) == code


def code_of(answer) -> str:
    """Return the code of an answer.

    Examples
    --------
    >>> code_of("b") == code_of("B "), len(code_of("b"))
    (True, 10)
    """
    return hashlib.sha256(str(answer).strip().lower().encode()).hexdigest()[:10]
