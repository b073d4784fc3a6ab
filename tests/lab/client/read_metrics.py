"""Prints the metrics of a run, as a team sees them."""

import json
import sys

import mlflow

print(json.dumps(mlflow.get_run(sys.argv[1]).data.metrics))
