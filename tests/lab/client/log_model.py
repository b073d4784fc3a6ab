"""Logs and registers two versions of a model of scikit-learn by MLflow's own client; prints their numbers.

usage: log_model.py NAME
"""

import json
import sys

import mlflow
import pandas as pd
from sklearn.linear_model import LinearRegression

mlflow.set_experiment("serving")
rows = pd.DataFrame({"distance": [100.0, 400.0, 900.0, 1600.0], "hour": [6.0, 9.0, 18.0, 22.0]})
versions = []
# One answers with the distance, the other one with its double: who answered shows.
for factor in (1.0, 2.0):
    model = LinearRegression().fit(rows, rows["distance"] * factor)
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            model, name="model", input_example=rows, registered_model_name=sys.argv[1]
        )
    versions.append(int(logged.registered_model_version))
print(json.dumps({"versions": versions}))
