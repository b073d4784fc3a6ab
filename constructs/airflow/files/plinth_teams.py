"""The teams of the environment, and which of them a DAG belongs to: by the bundle that it comes from."""

import json
import os
from pathlib import Path, PurePath

FOLDER = Path(os.environ["PLINTH_AIRFLOW_FILES"])
BUNDLES = PurePath(os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH"])
TEAMS = json.loads((FOLDER / "teams.json").read_text())


def of_file(path):
    """The team whose bundle a file is in; each bundle has the name of its team."""
    path = PurePath(path)
    if not path.is_relative_to(BUNDLES):
        raise ValueError(f"{path} is in no bundle")
    return named(path.relative_to(BUNDLES).parts[0])


def of_dag(dag_id):
    """The team of a DAG: every id begins with it."""
    return named(dag_id.split(".", 1)[0])


def named(team):
    if team not in TEAMS:
        raise ValueError(f"no team {team}; there are {', '.join(sorted(TEAMS))}")
    return team
