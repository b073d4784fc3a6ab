"""What a notebook does: a session, an application, and what a notebook must not do. Prints one line of JSON."""

import json
import time

import plinth
from plinth import _spark
from plinth._kubernetes import Kubernetes

kubernetes = Kubernetes()
namespace = kubernetes.own_pod.namespace
files = plinth.storage()
found: dict[str, object] = {}

began = time.monotonic()
spark = plinth.spark(executors=1, memory_mib=512)
found["startSeconds"] = round(time.monotonic() - began)
found["sum"] = spark.range(1_000_000).selectExpr("sum(id) AS total").first()["total"]
target = files.spark_path("lab/spark/rows")
spark.range(1000).write.mode("overwrite").parquet(target)
found["rows"] = spark.read.parquet(target).count()
keys = files.client.list_objects_v2(Bucket=files.bucket, Prefix="lab/spark/rows/")["Contents"]
found["parts"] = sum(each["Key"].endswith(".parquet") for each in keys)


def pods(role: str) -> list[dict]:
    selector = f"app.kubernetes.io/name=spark-{role}"
    return kubernetes.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)["items"]


(driver,) = pods("driver")
found["executors"] = len(pods("executor"))
try:
    _spark.connect(driver["status"]["podIP"], "guessed").range(1).count()
    found["guessedToken"] = "accepted"
except Exception as error:  # whatever the client makes of it
    found["guessedToken"] = "UNAUTHENTICATED" if "UNAUTHENTICATED" in str(error) else repr(error)[:300]


def refused(change: dict, metadata: dict) -> str:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "not-spark", "ownerReferences": [kubernetes.own_pod.as_owner], **metadata},
        "spec": {**driver["spec"], "activeDeadlineSeconds": 60, **change},
    }
    for name in ("nodeName", "priority", "preemptionPolicy"):
        pod["spec"].pop(name, None)
    try:
        kubernetes.create(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)
        return "accepted"
    except plinth.PlinthError as error:
        return str(error)


other = [{**driver["spec"]["containers"][0], "image": "localhost/another:1"}]
found["otherImage"] = refused({"containers": other}, {})
found["otherAccount"] = refused({"serviceAccountName": "default", "serviceAccount": "default"}, {})
found["noOwner"] = refused({}, {"ownerReferences": []})
found["noLimit"] = refused({"activeDeadlineSeconds": 10**7}, {})
found["asItShould"] = refused({}, {})
try:
    kubernetes.delete(f"/api/v1/namespaces/{namespace}/pods/{pods('executor')[0]['metadata']['name']}")
    found["anothersPod"] = "deleted"
except plinth.PlinthError as error:
    found["anothersPod"] = str(error)
spark.stop()

job = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(int(sys.argv[1])).write.mode("overwrite").parquet(sys.argv[2])
print("rows", spark.read.parquet(sys.argv[2]).count())
spark.stop()
"""
files.client.put_object(Bucket=files.bucket, Key="lab/spark/job.py", Body=job.encode())
arguments = ["500", files.spark_path("lab/spark/batch")]
manifest = plinth.spark_application("lab-batch", files.spark_path("lab/spark/job.py"), arguments, memory_mib=512)
kubernetes.create(f"/apis/sparkoperator.k8s.io/v1beta2/namespaces/{namespace}/sparkapplications", manifest)
print(json.dumps(found))
