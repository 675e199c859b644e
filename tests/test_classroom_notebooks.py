"""The builder: who sees which cell, and a proof that the checks mean something."""

import nbformat
import pytest

from seisml.classroom.checks import CheckError, code_of, given, same, task
from seisml.classroom.notebooks import build, proof, read_source, sources, tag_of
from seisml.errors import ConfigError, NotebookError

SOURCE = """\
# %% [markdown]
# # Two
# %%
from seisml.classroom.checks import given, task

# %% tags=["stub"]
answer = ...

# %% tags=["wrong"]
answer = 3

# %% tags=["solution"]
answer = 2
print("the answer is", answer)

# %% tags=["check"]
with task("1"):
    given(answer=answer)
    assert {condition}, "it is even"

# %%
print("the end")
"""


def write(folder, text: str, name: str = "0_two.py"):
    """Write a source and return its path."""
    path = folder / name
    path.write_text(text)
    return path


def test_students_see_no_solution_and_solutions_have_outputs(tmp_path):
    """One source, two versions; the proof's attempts are in neither."""
    path = write(tmp_path, SOURCE.format(condition="answer == 2"))
    built = build(path, tmp_path / "out", html=True)
    assert (built.n_checks, built.n_refused) == (1, 2)
    student = nbformat.read(built.student, 4)
    solution = nbformat.read(built.solution, 4)
    for notebook in (student, solution):
        nbformat.validate(notebook)
    assert "answer = 2" not in built.student.read_text()
    assert not any(cell.get("outputs") for cell in student.cells)
    assert [tag_of(cell) for cell in student.cells] == ["", "", "stub", "check", ""]
    assert [tag_of(cell) for cell in solution.cells] == ["", "", "solution", "check", ""]
    texts = [cell.outputs[0].text for cell in solution.cells if cell.get("outputs")]
    assert texts == ["the answer is 2\n", "Task 1: right.\n", "the end\n"]
    assert [c.execution_count for c in solution.cells if c.cell_type == "code"] == [1, 2, 3, 4]
    assert "the answer is" in built.solution.with_suffix(".html").read_text()


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("True", "passes on a wrong answer: 'answer = 3'"),
        ("answer == 4", "a cell fails.*it is even"),
    ],
)
def test_a_check_that_proves_nothing_is_refused(tmp_path, condition, told):
    """It must fail on wrong answers and pass on the solution."""
    path = write(tmp_path, SOURCE.format(condition=condition))
    with pytest.raises(NotebookError, match=f"(?s)0_two.py.*{told}"):
        build(path, tmp_path / "out")
    assert not (tmp_path / "out/student").exists()


def test_a_check_without_a_hint_is_refused(tmp_path):
    """A bare exception is no hint for students; an empty answer that passes is no check."""
    text = SOURCE.format(condition="answer == 2")
    bare = text.replace('with task("1"):\n    given(answer=answer)\n    assert', "assert")
    with pytest.raises(NotebookError, match="fails with AssertionError"):
        build(write(tmp_path, bare), tmp_path / "out")
    empty = text.replace("answer = ...", "answer = 2")
    with pytest.raises(NotebookError, match="passes on the empty answer"):
        build(write(tmp_path, empty), tmp_path / "out")


def test_sources_say_what_is_wrong(tmp_path):
    """Unknown tags, checks without a stub, and unknown names are told."""
    text = SOURCE.format(condition="answer == 2")
    with pytest.raises(NotebookError, match="'solutoin' means nothing"):
        read_source(write(tmp_path, text.replace('"solution"', '"solutoin"')))
    with pytest.raises(NotebookError, match="without a stub"):
        read_source(write(tmp_path, text.replace(' tags=["stub"]', "")))
    path = write(tmp_path, text)
    assert sources(tmp_path, ["0"]) == [path]
    with pytest.raises(ConfigError, match="no notebook '7'"):
        sources(tmp_path, ["7"])
    with pytest.raises(ConfigError, match="no notebook sources"):
        sources(tmp_path / "none")


def test_every_attempt_has_its_own_check(tmp_path):
    """Stub and wrong answers come before the solution, each with the check that refuses it."""
    notebook = read_source(write(tmp_path, SOURCE.format(condition="answer == 2")))
    roles = [(tag_of(c), c.metadata["role"]) for c in proof(notebook).cells]
    assert roles[2:6] == [("stub", "try"), ("check", "fail"), ("wrong", "try"), ("check", "fail")]
    assert roles[6:] == [("solution", "keep"), ("check", "keep"), ("", "keep")]


@pytest.mark.parametrize(
    ("answer", "told"),
    [(..., "replace the ... of x"), (None, "replace the ... of x"), (3, "not 2"), ("2", "used")],
)
def test_checks_tell_one_helpful_line(answer, told, capsys):
    """Missing, wrong and unusable answers are told as what they are."""

    def check():
        with task("1"):
            given(x=answer)
            assert answer + 1 == 3, "not 2"

    with pytest.raises(CheckError, match=told) as error:
        check()
    assert "Not yet" in error.value._render_traceback_()[0]
    assert same(" Blast", code_of("blast"))
    assert not same("b", code_of("a"))
    assert capsys.readouterr().out == ""
