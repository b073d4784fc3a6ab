"""What drift starts: registered models name this DAG in their tag `plinth.retrain.dag`, and a run is told what moved."""

from airflow.sdk import dag, get_current_context, task


@dag(dag_id="team-a.retrain", schedule=None, catchup=False, max_active_runs=1, tags=["example"])
def retrain():
    @task
    def train() -> str:
        import mlflow
        import plinth

        told = get_current_context()["dag_run"].conf or {}
        model = told.get("model", "by hand")
        with plinth.track(f"retrain {model}") as run:
            # In place of this: fit on new data, and log and register what comes of it.
            mlflow.log_params({name: str(told.get(name)) for name in ("reason", "fields", "versions", "since")})
        print(f"{model} is trained anew for {told.get('fields')}")
        return run.info.run_id

    train()


retrain()
