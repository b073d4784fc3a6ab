"""Reads back by MLflow's own client what log_run.py logged; prints it."""

import json
import pathlib
import sys

import mlflow

run = mlflow.get_run(sys.argv[1])
note = pathlib.Path(mlflow.artifacts.download_artifacts(run_id=sys.argv[1], artifact_path="note.txt"))
print(json.dumps({"params": run.data.params, "metrics": run.data.metrics, "note": note.read_text()}))
