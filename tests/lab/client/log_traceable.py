"""Registers two versions of a model: one by a run of committed code on a named data version, one of which nothing is known.

usage: log_traceable.py NAME
"""

import json
import os
import subprocess
import sys
import tempfile

import mlflow
import pandas as pd
import plinth
from sklearn.linear_model import LinearRegression

rows = pd.DataFrame({"distance": [100.0, 400.0, 900.0, 1600.0]})


def log():
    model = LinearRegression().fit(rows, rows["distance"] * 3)
    logged = mlflow.sklearn.log_model(
        model, name="model", input_example=rows, registered_model_name=sys.argv[1]
    )
    return str(logged.registered_model_version)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", "a model"]):
        subprocess.run(["git", *command], check=True)
    with plinth.track("traceable", data="rows@4"):
        mlflow.log_metric("accuracy", 0.875)
        known = log()
    os.chdir("/")
with mlflow.start_run():
    unknown = log()
print(json.dumps({"known": known, "unknown": unknown}))
