"""Served models: asking one, putting a version into service, telling what was true."""

from __future__ import annotations

import json
import math
import os
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plinth._baseline import ARTIFACT, columns_of, is_missing
from plinth._errors import PlinthError, package, setting
from plinth._http import Service, ServiceError

MODELS = "PLINTH_MODELS_URL"
PREDICTIONS = "PLINTH_PREDICTIONS_URL"


@dataclass(frozen=True)
class Prediction:
    """What a model answered."""

    model: str
    version: str
    #: Joins the true labels, when they are known: `plinth.feedback(model, {request_id: labels})`.
    request_id: str
    #: By the name of each output, one value a row; rows of an output with several values a row are lists.
    outputs: Mapping[str, list[Any]]

    @property
    def values(self) -> list[Any]:
        """The first output, which most models have alone."""
        return next(iter(self.outputs.values()))


def predict(
    model: str,
    inputs: Any,
    *,
    version: str | int | None = None,
    request_id: str | None = None,
    timeout_seconds: float = 30,
) -> Prediction:
    """Asks a served model through the platform's gateway, with the team's token.

    `inputs`: a pandas DataFrame, a mapping of columns, or a two-dimensional array. `version` asks that one alone,
    outside of what the log and a rollout count. Predictions have no effects: a busy model is asked again.
    """
    service = Service("plinth.predict()", setting(MODELS, "plinth.predict()"), timeout_seconds=timeout_seconds)
    path = f"/v2/models/{urllib.parse.quote(model, safe='')}"
    if version is not None:
        path += f"/versions/{urllib.parse.quote(str(version), safe='')}"
    headers = {} if request_id is None else {"X-Request-Id": request_id}
    answer = service.ask("POST", f"{path}/infer", request_body(inputs), headers)
    content = answer.content
    try:
        outputs = {each["name"]: _rows(each) for each in content["outputs"]}
    except (KeyError, TypeError) as error:
        raise PlinthError(f"plinth.predict(): {model} doesn't answer by the V2 protocol: {content!r:.300}") from error
    return Prediction(
        model, str(content.get("model_version") or version or ""), answer.headers.get("x-request-id", ""), outputs
    )


def request_body(inputs: Any) -> dict[str, Any]:
    """A V2 request: a tensor for each column, or one of all columns for an array."""
    if not hasattr(inputs, "columns") and not isinstance(inputs, Mapping):
        columns = columns_of(inputs, "inputs")
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        flat = [None if is_missing(each) else float(each) for row in rows for each in row]
        tensor = {"name": "input", "shape": [len(rows), len(columns)], "datatype": "FP64", "data": flat}
        return {"inputs": [tensor]}
    columns = columns_of(inputs, "inputs")
    return {"parameters": {"content_type": "pd"}, "inputs": [_tensor(*each) for each in columns.items()]}


def _tensor(name: str, values: list[Any]) -> dict[str, Any]:
    data = [None if is_missing(each) else each for each in values]
    known = [each for each in data if each is not None]
    tensor: dict[str, Any] = {"name": name, "shape": [len(data), 1]}
    if known and all(isinstance(each, bool) for each in known):
        return {**tensor, "datatype": "BOOL", "data": data}
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in known):
        if any(isinstance(each, float) and math.isinf(each) for each in known):
            raise PlinthError(f"inputs: column {name!r} has infinite values, which JSON can't carry; replace them")
        # Whole numbers have no way to be missing.
        whole = len(known) == len(data) and all(isinstance(each, int) for each in known)
        if whole:
            return {**tensor, "datatype": "INT64", "data": data}
        floats = [None if each is None else float(each) for each in data]
        return {**tensor, "datatype": "FP64", "data": floats}
    text = [None if each is None else str(each) for each in data]
    return {**tensor, "datatype": "BYTES", "parameters": {"content_type": "str"}, "data": text}


def _rows(tensor: Mapping[str, Any]) -> list[Any]:
    data, shape = list(tensor["data"]), list(tensor["shape"])
    width = math.prod(shape[1:])
    if width == 1 or (data and isinstance(data[0], list)):
        return data
    return [data[at : at + width] for at in range(0, len(data), width)]


def deploy(
    model: str,
    version: int | str,
    *,
    alias: str = "champion",
    wait_seconds: float = 0,
) -> None:
    """Puts a version of a registered model into service: sets `alias` on it, which the platform's rollout follows.

    Its baseline, if its run recorded one (`plinth.baseline()`), is handed to the watch for drift. With `wait_seconds`
    it returns once the gateway knows the version and it is ready, and raises `PlinthError` if it isn't in time.
    """
    what = "plinth.deploy()"
    setting("MLFLOW_TRACKING_URI", what)
    client = package("mlflow", what).MlflowClient()
    found = registered(what, client, model, str(version))
    hand_over_baseline(what, client, model, str(version), found.run_id)
    client.set_registered_model_alias(model, alias, str(version))
    if wait_seconds > 0:
        hint = "Its alias is set; its rollout may go on, or have been refused: see the version's tags in MLflow"
        wait_until_served(what, model, str(version), wait_seconds, hint)


def registered(what: str, client: Any, model: str, version: str) -> Any:
    """The version, as MLflow has it; `what` asks for it."""
    try:
        return client.get_model_version(model, version)
    except Exception as error:
        if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
            raise PlinthError(
                f"{what}: no version {version} of a registered model {model!r}. Register it first: "
                f"mlflow.register_model('runs:/<run id>/<path>', {model!r})"
            ) from error
        raise


def hand_over_baseline(what: str, client: Any, model: str, version: str, run_id: str | None) -> None:
    """Tells the watch for drift what the version's data were like, where there is one and its run recorded it."""
    if not os.environ.get(PREDICTIONS):
        return
    folder = ARTIFACT.rpartition("/")[0]
    if not run_id or all(each.path != ARTIFACT for each in client.list_artifacts(run_id, folder)):
        return
    mlflow = package("mlflow", what)
    recorded = mlflow.artifacts.load_text(f"runs:/{run_id}/{ARTIFACT}")
    parts = [urllib.parse.quote(each, safe="") for each in (team_of(what), model, version)]
    path = "/teams/{}/models/{}/versions/{}/baseline".format(*parts)
    Service(what, setting(PREDICTIONS, what)).ask("PUT", path, json.loads(recorded))


def wait_until_served(what: str, model: str, version: str, wait_seconds: float, hint: str) -> None:
    """Until the gateway knows the version and it is ready; `hint` is what to look at where it isn't."""
    service = Service(what, setting(MODELS, what))
    path = f"/v2/models/{urllib.parse.quote(model, safe='')}/versions/{urllib.parse.quote(version, safe='')}/ready"
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            service.ask("GET", path)
            return
        except ServiceError as error:
            # Not yet known, or not yet ready; whatever else is refused stays so.
            if error.status not in (0, 404, 502, 503, 504):
                raise
            if time.monotonic() >= deadline:
                raise PlinthError(
                    f"{what}: version {version} of {model} doesn't answer after {wait_seconds:g} s: {error}. {hint}."
                ) from error
        time.sleep(min(2.0, max(0.0, deadline - time.monotonic())))


def feedback(model: str, labels: Mapping[str, Any]) -> int:
    """Tells what was true: by request id, one label, or one a row of that request. The last one told counts.

    Returns how many of the requests are in the log already; others are joined when they come, or never, if the
    request wasn't sampled.
    """
    what = "plinth.feedback()"
    told = {str(key): [_plain(each) for each in _listed(value)] for key, value in labels.items()}
    if not told:
        raise PlinthError(f"{what}: labels is empty, expected {{request_id: label}}, as plinth.predict() gives ids")
    service = Service(what, setting(PREDICTIONS, what))
    joined = 0
    for part in _parts(told):
        body = {"team": team_of(what), "model": model, "labels": part}
        joined += int(service.ask("POST", "/feedback", body).content["joined"])
    return joined


def _parts(told: Mapping[str, list[Any]]) -> Iterator[dict[str, list[Any]]]:
    """As many requests as the service takes at a time, and as many bytes: 1 MiB, with room for what is around them."""
    part: dict[str, list[Any]] = {}
    size = 0
    for key, values in told.items():
        own = len(json.dumps({key: values}))
        if part and (len(part) == 1000 or size + own > 1_000_000):
            yield part
            part, size = {}, 0
        part[key] = values
        size += own
    yield part


def team_of(what: str) -> str:
    return os.environ.get("PLINTH_TEAM") or setting("MLFLOW_WORKSPACE", what)


def _listed(value: Any) -> list[Any]:
    plain = value.tolist() if hasattr(value, "tolist") else value
    return list(plain) if isinstance(plain, list | tuple) else [plain]


def _plain(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    if is_missing(plain):
        return None
    if not isinstance(plain, bool | int | float | str):
        raise PlinthError(f"plinth.feedback(): a label is {type(plain).__name__}, expected a number, text or bool")
    return plain
