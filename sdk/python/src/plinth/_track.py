"""An MLflow run that knows which code and which packages it came from."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from typing import Any

from plinth._errors import package, setting


def packages() -> str:
    """Installed distributions as a requirements file, sorted."""
    found = {(each.metadata["Name"] or "").lower(): each.version for each in metadata.distributions()}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()) if name)


def revision(folder: str | None = None) -> dict[str, str]:
    """MLflow's own tags for the commit that the working folder is at; none outside of a repository."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", folder or os.getcwd(), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no") != ""
        branch = git("rev-parse", "--abbrev-ref", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return {}
    return {
        "mlflow.source.git.commit": commit,
        "mlflow.source.git.branch": branch,
        # A run of code that nobody committed can't be repeated from its commit alone.
        "plinth.git.dirty": str(changed).lower(),
    }


def track(
    experiment: str,
    run_name: str | None = None,
    tags: dict[str, str] | None = None,
    *,
    data: str | None = None,
) -> Any:
    """Starts a run in `experiment` (made if it isn't there) and records revision, Python and packages.

    `data` says which data it works on, as tag `plinth.data.version`: `plinth.storage().version("flights/clean")`, or
    whatever a colleague finds the same data by. How features and predictions are distributed is recorded inside the
    run, when there are some, by `plinth.baseline()`.

    Use it as a context manager, or call `mlflow.end_run()` at the end. Returns MLflow's `ActiveRun`.
    """
    setting("MLFLOW_TRACKING_URI", "plinth.track()")
    mlflow = package("mlflow", "plinth.track()")
    mlflow.set_experiment(experiment)
    version = ".".join(map(str, sys.version_info[:3]))
    known = {} if data is None else {"plinth.data.version": data}
    own = {**revision(), "plinth.python": version, **known, **(tags or {})}
    run = mlflow.start_run(run_name=run_name, tags=own)
    try:
        mlflow.log_text(packages(), "plinth/requirements.txt")
    except BaseException:
        mlflow.end_run(status="FAILED")
        raise
    return run
