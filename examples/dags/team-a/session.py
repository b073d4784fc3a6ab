"""A task asks Spark something by a session of its own, which is quicker than an application where the question is short."""

from airflow.sdk import dag, task


@dag(dag_id="team-a.session", schedule=None, catchup=False, max_active_runs=1, tags=["example", "spark"])
def session():
    @task
    def total() -> int:
        import plinth

        spark = plinth.spark(executors=1, memory_mib=512)
        try:
            return spark.range(1_000_000).selectExpr("sum(id) AS total").first()["total"]
        finally:
            spark.stop()

    total()


session()
