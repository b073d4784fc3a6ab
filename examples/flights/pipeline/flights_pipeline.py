"""Flights from raw data to a champion, and its retraining: the same code as the notebooks', a step a task.

`flights` fills the sources too, as an example must. The platform runs `flights-retrain` when the champion's inputs drift.
`flights-remove` takes the sources away again.
"""

from datetime import timedelta

from airflow.sdk import dag, task
from kubernetes.client import models as k8s

# The grid is held in memory a few times over.
roomy = {
    "pod_override": k8s.V1Pod(
        spec=k8s.V1PodSpec(
            containers=[
                k8s.V1Container(
                    name="base",
                    resources=k8s.V1ResourceRequirements(
                        requests={"cpu": "100m", "memory": "512Mi"}, limits={"memory": "3Gi"}
                    ),
                )
            ]
        )
    )
}


# Each step may be done again: services that restart meanwhile, one after the other, end no run.
again = {"retries": 5, "retry_delay": timedelta(seconds=20)}


@task
def sources(params=None):
    from flights import sources

    return sources.load(params["per_day"])


@task
def prepare(params=None):
    from datetime import date

    import plinth
    from flights import prepare

    spark = plinth.spark(executors=1, memory_mib=1024, hours=1)
    try:
        first, last = (date.fromisoformat(params[each]) for each in ("first", "last"))
        return {"merged": prepare.merge(spark, first, last), "clean": prepare.clean(spark)}
    finally:
        spark.stop()


@task(executor_config=roomy)
def train():
    from flights import train

    return train.search()


@task
def champion(trained):
    from flights import serve

    return serve.promote(trained)


@dag(
    dag_id="team-a.flights",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=again,
    params={"per_day": 55, "first": "2024-01-01", "last": "2024-12-31"},
    tags=["example", "spark", "model"],
)
def flights():
    prepared = prepare()
    sources() >> prepared
    trained = train()
    prepared >> trained
    champion(trained)


@dag(
    dag_id="team-a.flights-retrain",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=again,
    params={"first": "2025-01-01", "last": "2025-12-31"},
    tags=["example", "spark", "model"],
)
def retrain():
    prepared = prepare()
    trained = train()
    prepared >> trained
    champion(trained)


@dag(dag_id="team-a.flights-remove", schedule=None, catchup=False, tags=["example"])
def removal():
    @task
    def remove():
        from flights import sources

        sources.remove()

    remove()


flights()
retrain()
removal()
