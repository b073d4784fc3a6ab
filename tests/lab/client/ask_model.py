"""Loads a model of a registry by its alias and prints what it predicts, and the tags of its version.

usage: ask_model.py NAME ALIAS
"""

import json
import sys

import mlflow
import pandas as pd

name, alias = sys.argv[1:]
model = mlflow.pyfunc.load_model(f"models:/{name}@{alias}")
version = mlflow.MlflowClient().get_model_version_by_alias(name, alias)
answer = [round(float(each), 6) for each in model.predict(pd.DataFrame({"distance": [200.0]}))]
print(json.dumps({"answer": answer, "version": str(version.version), "tags": dict(version.tags)}))
