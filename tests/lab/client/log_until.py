"""Logs runs, one after another, until a file appears; prints how many were logged. Any error ends it with a trace."""

import json
import pathlib
import sys
import tempfile

import mlflow

experiment, stop = sys.argv[1], pathlib.Path(sys.argv[2])
mlflow.set_experiment(experiment)
count = 0
while not stop.exists():
    with mlflow.start_run(), tempfile.TemporaryDirectory() as folder:
        mlflow.log_param("count", count)
        mlflow.log_metric("value", count)
        note = pathlib.Path(folder, "note.txt")
        note.write_text(str(count))
        mlflow.log_artifact(str(note))
    count += 1
    pathlib.Path(f"{stop}.progress").write_text(str(count))
print(json.dumps({"runs": count}))
