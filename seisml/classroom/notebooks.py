"""Notebooks from one source: a version for students, an executed one with solutions, and the proof.

A source is a jupytext script in the percent format. The tags of its cells say who sees them:

=========  ========  =========  ======  ==================================================
tag        students  solutions  proof   what it is
=========  ========  =========  ======  ==================================================
(none)     yes       yes        yes     text, code, figures
stub       yes       no         yes     the empty answer, with ``...`` to be replaced
wrong      no        no         yes     a common wrong answer, that the check must refuse
solution   no        yes        yes     the answer; a text may be one, too
check      yes       yes        yes     ``with task("1.2"): assert ...``
=========  ========  =========  ======  ==================================================

The proof is one execution: before each solution the stub and the wrong answers run, each with the
check after it, which must fail with a `CheckError`; after the solution it must pass.
"""

import copy
import dataclasses
import re
import time
from collections.abc import Iterable
from pathlib import Path

from seisml.errors import ConfigError, NotebookError

TAGS = ("stub", "wrong", "solution", "check")
_CELL_TIMEOUT_S = 240
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclasses.dataclass(frozen=True)
class Built:
    """What was made of one source."""

    name: str
    student: Path
    solution: Path | None
    n_checks: int
    n_refused: int
    seconds: float


def sources(folder, names: Iterable[str] = ()) -> list[Path]:
    """Return the sources of a folder, or those whose names begin with one of `names`.

    Raises
    ------
    ConfigError
        If there is none.
    """
    found = sorted(p for p in Path(folder).glob("*.py") if not p.name.startswith("_"))
    if not found:
        raise ConfigError(
            f"{folder} holds no notebook sources (*.py).", "Name their folder with --source."
        )
    out = []
    for name in names:
        mine = [p for p in found if p.name.startswith(str(name))]
        if not mine:
            stems = ", ".join(p.stem for p in found)
            raise ConfigError(f"There is no notebook {name!r}.", f"Choose from: {stems}.")
        out += mine
    return out or found


def read_source(path):
    """Read a source and check its tags.

    Returns
    -------
    nbformat.NotebookNode
        Cells have ids that depend on their place only.

    Raises
    ------
    NotebookError
        If a tag is unknown, or a check lacks its stub or solution.
    """
    import jupytext

    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = copy.deepcopy(_METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03d}"
        cell.metadata = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
        unknown = set(cell.metadata.get("tags", ())) - set(TAGS)
        if unknown:
            raise NotebookError(
                f"{path}: the tag {min(unknown)!r} means nothing.", f"Tags are {', '.join(TAGS)}."
            )
    for group in _groups(notebook.cells):
        kinds = [tag_of(cell) for cell in group]
        if kinds[-1] == "check" and not {"stub", "solution"} <= set(kinds):
            raise NotebookError(
                f"{path}: the check {group[-1].source.splitlines()[0]!r} stands without a stub "
                "and a solution.",
                "Give every check a cell tagged stub and one tagged solution before it.",
            )
    return notebook


def tag_of(cell) -> str:
    """Return the tag of a cell, or nothing."""
    return next((tag for tag in cell.metadata.get("tags", ()) if tag in TAGS), "")


def _groups(cells) -> Iterable[list]:
    """Yield cells in groups that end with a check (the last one may not)."""
    group: list = []
    for cell in cells:
        group.append(cell)
        if tag_of(cell) == "check":
            yield group
            group = []
    if group:
        yield group


def version(notebook, *, without: Iterable[str]):
    """Return a copy without the cells of some tags."""
    out = copy.deepcopy(notebook)
    out.cells = [cell for cell in out.cells if tag_of(cell) not in set(without)]
    return out


def proof(notebook):
    """Return the notebook that proves the checks; ``role`` in the metadata of its cells says how.

    Roles are keep (part of the solution version), try (a stub or wrong answer) and fail (a check
    that must fail).
    """
    out = copy.deepcopy(notebook)
    out.cells = []
    for group in _groups(notebook.cells):
        check = group[-1] if tag_of(group[-1]) == "check" else None
        stub: list = []
        for cell in group:
            if tag_of(cell) == "stub":
                stub.append(cell)
                continue
            if stub:
                out.cells += _attempt(stub, check, len(out.cells))
                stub = []
            if tag_of(cell) == "wrong":
                out.cells += _attempt([cell], check, len(out.cells))
            else:
                kept = copy.deepcopy(cell)
                kept.metadata["role"] = "keep"
                out.cells.append(kept)
    return out


def _attempt(cells, check, number: int) -> list:
    """Return copies of an answer and of the check that must refuse it."""
    attempt = [copy.deepcopy(cell) for cell in [*cells, check]]
    for k, cell in enumerate(attempt):
        cell["id"] = f"try-{number + k:03d}"
        cell.metadata["role"] = "try"
    attempt[-1].metadata["role"] = "fail"
    attempt[-1].metadata["tags"] = ["check", "raises-exception"]
    return attempt


def execute(notebook, folder):
    """Execute a notebook from scratch in a folder, and return it with outputs.

    Raises
    ------
    NotebookError
        If a cell fails that must not, with the end of its traceback.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=_CELL_TIMEOUT_S,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=40"],  # warnings about transport are nothing for teachers
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        return client.execute()
    except CellExecutionError as error:
        last = "\n".join(_COLOURS.sub("", str(error)).strip().splitlines()[-12:])
        raise NotebookError(
            f"a cell fails: {last}", "Run the source's cells one by one."
        ) from error
    except (CellTimeoutError, DeadKernelError) as error:
        raise NotebookError(f"the kernel stopped: {error}") from error


def require_proof(executed, name: str) -> tuple[int, int]:
    """Return how many checks passed and how many answers were refused.

    Raises
    ------
    NotebookError
        If a check took an empty or wrong answer, or failed without a message for students.
    """
    n_checks = n_refused = 0
    for before, cell in zip([None, *executed.cells], executed.cells, strict=False):
        role = cell.metadata.get("role")
        errors = [out for out in cell.get("outputs", ()) if out["output_type"] == "error"]
        first = cell.source.splitlines()[0] if cell.source else ""
        if role == "fail":
            answer = "the empty answer" if tag_of(before) == "stub" else "a wrong answer"
            if not errors:
                raise NotebookError(
                    f"{name}: the check {first!r} passes on {answer}: {before.source!r}.",
                    "Make it fail: it must pass on right answers only.",
                )
            if errors[0]["ename"] != "CheckError":
                raise NotebookError(
                    f"{name}: on {answer} the check {first!r} fails with {errors[0]['ename']}.",
                    "Put it into 'with task(...):', so that students read a hint.",
                )
            n_refused += 1
        elif role == "keep" and tag_of(cell) == "check":
            n_checks += 1
    return n_checks, n_refused


def solution_of(executed):
    """Return the executed solution version: the kept cells, numbered anew."""
    out = copy.deepcopy(executed)
    out.cells = [cell for cell in out.cells if cell.metadata.get("role") == "keep"]
    number = 0
    for cell in out.cells:
        cell.metadata.pop("role")
        if cell.cell_type == "code":
            number += 1
            cell["execution_count"] = number
            for output in cell.outputs:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = number
    out.metadata = copy.deepcopy(_METADATA)
    return out


def build(path, output, *, run: bool = True, html: bool = False) -> Built:
    """Make the student version and, executed, the solution version of one source.

    Parameters
    ----------
    path : path-like
        The source.
    output : path-like
        Folder; ``student/`` and ``solution/`` in it are made.
    run : bool
        Without it the student version is all that is made.
    html : bool
        Also write the solution version as a page.

    Returns
    -------
    Built

    Raises
    ------
    NotebookError
        If a solution fails, or a check passes on an empty or wrong answer. The student version
        is not written then.
    """
    import nbformat

    from seisml.atomic import write_atomic

    path, output, began = Path(path), Path(output), time.monotonic()
    notebook = read_source(path)
    student = output / "student" / f"{path.stem}.ipynb"
    solution, counts = None, (0, 0)
    if run:
        (output / "solution").mkdir(parents=True, exist_ok=True)
        try:
            executed = execute(proof(notebook), output / "solution")
        except NotebookError as error:
            raise NotebookError(f"{path.name}: {error.problem}", error.hint) from error
        counts = require_proof(executed, path.name)
        solved = solution_of(executed)
        solution = output / "solution" / f"{path.stem}.ipynb"
        write_atomic(solution, nbformat.writes(solved) + "\n")
        if html:
            from nbconvert import HTMLExporter

            page, _ = HTMLExporter().from_notebook_node(solved)
            write_atomic(solution.with_suffix(".html"), page)
    empty = version(notebook, without=("solution", "wrong"))
    write_atomic(student, nbformat.writes(empty) + "\n")
    return Built(path.stem, student, solution, *counts, time.monotonic() - began)
