"""Logs one run with a parameter, a metric and an artifact by MLflow's own client; prints its id and where its artifact is."""

import json
import pathlib
import sys
import tempfile

import mlflow

mlflow.set_experiment(sys.argv[1])
with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
    mlflow.log_param("depth", 7)
    mlflow.log_metric("accuracy", 0.875)
    note = pathlib.Path(folder, "note.txt")
    note.write_text(sys.argv[2])
    mlflow.log_artifact(str(note))
print(json.dumps({"run": run.info.run_id, "artifacts": run.info.artifact_uri}))
