"""Registers three versions of a model: one, a better one, and one that answers every request with an error.

usage: log_candidates.py NAME
"""

import json
import sys

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression


class Failing(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        raise RuntimeError("this version can't predict")


mlflow.set_experiment("promotion")
rows = pd.DataFrame({"distance": [100.0, 400.0, 900.0, 1600.0], "hour": [6.0, 9.0, 18.0, 22.0]})
signature = infer_signature(rows, rows["distance"].to_numpy())
versions = []
# The second one answers with the double: who answered shows.
for factor in (1.0, 2.0):
    model = LinearRegression().fit(rows, rows["distance"] * factor)
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            model, name="model", signature=signature, registered_model_name=sys.argv[1]
        )
    versions.append(int(logged.registered_model_version))
with mlflow.start_run():
    logged = mlflow.pyfunc.log_model(
        name="model", python_model=Failing(), signature=signature, registered_model_name=sys.argv[1]
    )
versions.append(int(logged.registered_model_version))
print(json.dumps({"versions": versions}))
