"""Registers versions of four models: PREFIX-good, -slow, -failing and -garbage; prints their numbers by name.

usage: log_candidates.py first|second PREFIX

first   a version of each that answers with the distance
second  one that is better (it answers with the double: who answered shows), and those that their names tell of
"""

import json
import sys
import time

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

which, prefix = sys.argv[1:]
rows = pd.DataFrame({"distance": [100.0, 400.0, 900.0, 1600.0], "hour": [6.0, 9.0, 18.0, 22.0]})
# Told what they need, they aren't loaded once more to find it out.
common = {
    "name": "model",
    "signature": infer_signature(rows, rows["distance"].to_numpy()),
    "pip_requirements": ["scikit-learn"],
}


class Slow(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        time.sleep(0.7)
        return model_input["distance"].to_numpy()


class Failing(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        raise RuntimeError("this version can't predict")


class Garbage(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return np.full(len(model_input), np.nan)


def linear(factor):
    model = LinearRegression().fit(rows, rows["distance"] * factor)
    with mlflow.start_run():
        return mlflow.sklearn.log_model(model, **common).model_uri


def python(model):
    with mlflow.start_run():
        return mlflow.pyfunc.log_model(python_model=model, **common).model_uri


mlflow.set_experiment("promotion")
kinds = {"good": lambda: linear(2.0), "slow": lambda: python(Slow()), "failing": lambda: python(Failing())}
kinds["garbage"] = lambda: python(Garbage())
same = linear(1.0) if which == "first" else None
versions = {
    name: int(mlflow.register_model(same or log(), f"{prefix}-{name}").version) for name, log in kinds.items()
}
print(json.dumps(versions))
