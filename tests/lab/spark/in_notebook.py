"""What a person writes into a notebook. Prints one line of JSON; the session stays open."""

import json
import socket

import mlflow
import pandas as pd
import plinth
from pyspark.sql.functions import udf

spark = plinth.spark(executors=2)
total = spark.range(1_000_000).selectExpr("sum(id) AS total").first()["total"]


@udf("string")
def worker(_):
    return socket.gethostname()


workers = [row[0] for row in spark.range(1000).select(worker("id")).distinct().collect()]

files = plinth.storage()
spark.range(1000).write.mode("overwrite").parquet(files.spark_path("notebook/rows"))
written = len(pd.read_parquet(files.path("notebook/rows")))

mlflow.set_experiment("notebook-spark")
with mlflow.start_run() as run:
    mlflow.log_param("executors", 2)
    mlflow.log_metric("total", total)
    mlflow.log_text("from a notebook", "note.txt")

print(json.dumps({"sum": total, "workers": workers, "written": written, "run": run.info.run_id}))
