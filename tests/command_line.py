"""The command line in processes of their own, without importing everything again for each.

A server process has imported what the verbs need and is copied for every call (fork): each call
has its own arguments, folder, environment, streams and exit status, as from a shell.
"""

import logging
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PRELOAD = [
    *("obspy", "pandas", "scipy.signal", "h5py", "sklearn.ensemble", "skops.io", "seisml.cli"),
    *("seisml.extract", "seisml.detect", "seisml.training", "seisml.report", "seisml.formats"),
]


def seisml(*words, cwd=None, env=None, timeout=300) -> subprocess.CompletedProcess:
    """Run the command line in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    arguments = [str(word) for word in words]
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("out", "err")]
        run = context.Process(
            target=_run,
            args=(arguments, cwd or Path.cwd(), {**os.environ, **(env or {})}, *streams),
        )
        run.start()
        run.join(timeout)
        if run.exitcode is None:
            run.kill()
            raise subprocess.TimeoutExpired(arguments, timeout)
        out, err = (stream.read_text(encoding="utf-8") for stream in streams)
    return subprocess.CompletedProcess(arguments, run.exitcode, out, err)


def _run(words, cwd, env, out, err) -> None:
    """Be a shell's child: streams to files, then the command."""
    for number, path in ((1, out), (2, err)):
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(target, number)
    sys.stdout, sys.stderr = (
        os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2)
    )
    sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    logging.getLogger().handlers.clear()
    sys.argv = ["seisml", *words]
    from seisml.cli import main

    main()
