"""One team makes one of everything in MLflow; then others ask for it in every way there is. Prints what they saw.

usage: tenancy.py MAKE, with the team's credentials as MLflow's client finds them; prints what was made as JSON.
       tenancy.py ASK MADE NAME=TOKEN..., asks as each; prints for each request and name what came back: `shown`
       where the answer holds something of the team's, else its status.
"""

import json
import os
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import requests

ADDRESS = os.environ["MLFLOW_TRACKING_URI"]
# In everything that the team makes: whoever sees it in an answer has seen the team's.
MARK = "only-for-the-team"
MODEL, FILE = f"{MARK}-model", f"{MARK}.txt"


def make() -> dict[str, str]:
    import mlflow
    from mlflow import MlflowClient

    name = f"{MARK}-{uuid.uuid4().hex[:8]}"
    client = MlflowClient()
    experiment = client.create_experiment(name)
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_param("secret", name)
        mlflow.log_metric(name, 1.0)
        mlflow.log_text(name, f"{MODEL}/{FILE}")
    with mlflow.start_span(name) as span:
        span.set_inputs({"secret": name})
    mlflow.flush_trace_async_logging()
    trace = client.search_traces(locations=[experiment])[0].info.trace_id
    logged = client.create_logged_model(experiment_id=experiment, name=name, source_run_id=run.info.run_id)
    client.create_registered_model(name)
    source = f"{run.info.artifact_uri}/{MODEL}"
    version = client.create_model_version(name, source, run.info.run_id).version
    client.set_registered_model_alias(name, "champion", version)
    return {
        "name": name,
        "experiment": experiment,
        "run": run.info.run_id,
        "trace": trace,
        "logged": logged.model_id,
        "version": version,
        "folder": run.info.artifact_uri.removeprefix("mlflow-artifacts:/"),
    }


def requests_for(made: dict[str, str]) -> dict[str, tuple[str, str, dict | None]]:
    """Every way to see something of a team's, by name: method, path, body."""
    name, experiment, run, logged = made["name"], made["experiment"], made["run"], made["logged"]
    folder = made["folder"]
    api, ajax, newer = "/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/3.0/mlflow"
    files = "/api/2.0/mlflow-artifacts/artifacts"
    by_name = f"name={name}"
    graphql = (
        'query Q { mlflowGetExperiment(input: {experimentId: "%s"}) { experiment { name } } '
        'mlflowGetRun(input: {runId: "%s"}) { run { data { params { value } } } } '
        'mlflowSearchModelVersions(input: {}) { modelVersions { name } } }'
    )
    return {
        "experiments searched": ("POST", f"{api}/experiments/search", {"max_results": 1000}),
        "experiments searched by a page": ("POST", f"{ajax}/experiments/search", {"max_results": 1000}),
        "experiment by id": ("GET", f"{api}/experiments/get?experiment_id={experiment}", None),
        "experiment by name": ("GET", f"{api}/experiments/get-by-name?experiment_name={name}", None),
        "runs searched": ("POST", f"{api}/runs/search", {"experiment_ids": [experiment]}),
        "run by id": ("GET", f"{api}/runs/get?run_id={run}", None),
        "metric's history": ("GET", f"{api}/metrics/get-history?run_id={run}&metric_key={name}", None),
        "metrics' histories": (
            "GET",
            f"{ajax}/metrics/get-history-bulk?run_id={run}&metric_key={name}",
            None,
        ),
        "traces searched": (
            "POST",
            f"{newer}/traces/search",
            {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}]},
        ),
        "trace by id": ("GET", f"{newer}/traces/{made['trace']}", None),
        "trace's spans": ("GET", f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={made['trace']}", None),
        "logged models searched": ("POST", f"{api}/logged-models/search", {"experiment_ids": [experiment]}),
        "logged model by id": ("GET", f"{api}/logged-models/{logged}", None),
        "registered models searched": ("GET", f"{api}/registered-models/search?max_results=1000", None),
        "registered model": ("GET", f"{api}/registered-models/get?{by_name}", None),
        "versions searched": ("GET", f"{api}/model-versions/search?max_results=1000", None),
        "version": ("GET", f"{api}/model-versions/get?{by_name}&version=1", None),
        "version by alias": ("GET", f"{api}/registered-models/alias?{by_name}&alias=champion", None),
        "version's place": ("GET", f"{api}/model-versions/get-download-uri?{by_name}&version=1", None),
        "version's artifact": ("GET", f"/model-versions/get-artifact?{by_name}&version=1&path={FILE}", None),
        "run's artifacts": ("GET", f"{api}/artifacts/list?run_id={run}&path={MODEL}", None),
        "run's artifact": ("GET", f"/get-artifact?run_uuid={run}&path={MODEL}/{FILE}", None),
        "artifact by its path": ("GET", f"{files}/{folder}/{MODEL}/{FILE}", None),
        "artifact by its path, for a page": (
            "GET",
            f"/ajax-api/2.0/mlflow-artifacts/artifacts/{folder}/{MODEL}/{FILE}",
            None,
        ),
        "artifacts by a guessed path": ("GET", f"{files}?path={folder}/{MODEL}", None),
        "GraphQL": ("POST", "/graphql", {"query": graphql % (experiment, run), "operationName": "Q"}),
    }


def changes_for(made: dict[str, str]) -> dict[str, tuple[str, str, dict | None]]:
    """Ways to change or to take what is a team's."""
    name, run, folder = made["name"], made["run"], made["folder"]
    api = "/api/2.0/mlflow"
    files = "/api/2.0/mlflow-artifacts/artifacts"
    return {
        "upload by a guessed path": ("PUT", f"{files}/{folder}/{MODEL}/{FILE}", {"overwritten": True}),
        "removal by a guessed path": ("DELETE", f"{files}/{folder}/{MODEL}/{FILE}", None),
        "metric on the run": (
            "POST",
            f"{api}/runs/log-metric",
            {"run_id": run, "key": "k", "value": 2, "timestamp": 1},
        ),
        "experiment's removal": ("POST", f"{api}/experiments/delete", {"experiment_id": made["experiment"]}),
        "alias moved": (
            "POST",
            f"{api}/registered-models/alias",
            {"name": name, "alias": "champion", "version": "1"},
        ),
        "model's removal": ("DELETE", f"{api}/registered-models/delete", {"name": name}),
        "workspace's removal": ("DELETE", "/api/3.0/mlflow/workspaces/team-a?mode=cascade", None),
    }


def taken(made: dict[str, str], token: str) -> str:
    """A model version of one's own that points into the team's part of the store, and its artifact read."""
    bucket = os.environ.get("ARTIFACTS", "s3://mlflow")
    name = f"taken-{uuid.uuid4().hex[:8]}"
    api = "/api/2.0/mlflow"
    call(token, None, "POST", f"{api}/registered-models/create", {"name": name})
    source = {"name": name, "source": f"{bucket}/{made['folder']}/{MODEL}"}
    call(token, None, "POST", f"{api}/model-versions/create", source)
    path = f"/model-versions/get-artifact?name={name}&version=1&path={FILE}"
    seen = shown(call(token, None, "GET", path, None))
    call(token, None, "DELETE", f"{api}/registered-models/delete", {"name": name})
    return seen


def call(token: str, workspace: str | None, method: str, path: str, body: dict | None) -> requests.Response:
    headers = {} if token == "" else {"Authorization": f"Bearer {token}"}
    if workspace is not None:
        headers["X-MLFLOW-WORKSPACE"] = workspace
    return requests.request(method, ADDRESS + path, headers=headers, json=body, timeout=60, allow_redirects=False)


def shown(response: requests.Response) -> str:
    echoed = response.status_code >= 400
    return "shown" if MARK in response.text and not echoed else str(response.status_code)


def ask(made: dict[str, str], who: dict[str, str]) -> dict[str, dict[str, str]]:
    """Many at once: a token lasts two minutes, and a busy machine may take a second for each."""
    seen: dict[str, dict[str, str]] = {}
    for name, token in who.items():
        workspace = name.partition(" in ")[2] or None

        def answer(request, token=token, workspace=workspace) -> requests.Response:
            return call(token, workspace, *request)

        shows, changes = requests_for(made), changes_for(made)
        if name.startswith(("team-a", "admin")):
            changes = {}
        with ThreadPoolExecutor(8) as pool:
            seen[name] = {
                **dict(zip(shows, map(shown, pool.map(answer, shows.values())), strict=True)),
                **dict(zip(changes, map(changed, pool.map(answer, changes.values())), strict=True)),
            }
            if changes and workspace is None and token != "":
                seen[name]["a version that points there"] = taken(made, token)
    return seen


def changed(response: requests.Response) -> str:
    return "changed" if response.status_code < 300 else str(response.status_code)


if sys.argv[1] == "MAKE":
    print(json.dumps(make()))
else:
    print(json.dumps(ask(json.loads(sys.argv[2]), dict(each.rsplit("=", 1) for each in sys.argv[3:]))))
