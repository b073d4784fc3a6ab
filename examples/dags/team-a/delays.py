"""Flights are written to the team's bucket, Spark computes each airport's mean delay, and MLflow keeps the worst."""

from pathlib import Path

from airflow.sdk import dag, task
from plinth_airflow import SparkApplicationOperator

FLIGHTS = "examples/delays/flights.csv"
MEANS = "examples/delays/means"


@dag(dag_id="team-a.delays", schedule=None, catchup=False, max_active_runs=1, tags=["example", "spark"])
def delays():
    @task
    def flights():
        import plinth

        rows = [f"{number % 10},{number % 10 + number % 7}" for number in range(7000)]
        files = plinth.storage()
        files.client.put_object(Bucket=files.bucket, Key=FLIGHTS, Body="\n".join(["airport,delay", *rows]).encode())

    means = SparkApplicationOperator(
        task_id="means",
        main=Path(__file__).parent / "spark" / "mean_delays.py",
        arguments=[FLIGHTS, MEANS],
        executors=1,
        memory_mib=512,
    )

    @task
    def worst() -> dict[str, str | int | float]:
        import json

        import mlflow
        import plinth

        files = plinth.storage()
        objects = files.client.list_objects_v2(Bucket=files.bucket, Prefix=f"{MEANS}/part-")["Contents"]
        bodies = [files.client.get_object(Bucket=files.bucket, Key=each["Key"])["Body"].read() for each in objects]
        found = [json.loads(line) for body in bodies for line in body.splitlines()]
        delay = max(each["delay"] for each in found)
        with plinth.track("delays") as run:
            mlflow.log_metric("worst_delay", delay)
        return {"airports": len(found), "worst_delay": delay, "run": run.info.run_id}

    flights() >> means >> worst()


delays()
