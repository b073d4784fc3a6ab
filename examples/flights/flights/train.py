"""A grid of forests and boosted trees, each trial a run; the best one becomes a version of the registered model."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from flights import CLEAN, EXPERIMENT, FEATURES_MODEL, MODEL
from flights.features import encoder, read, split


@dataclass(frozen=True)
class Trial:
    kind: str
    parameters: dict[str, Any]

    @property
    def name(self) -> str:
        return "-".join([self.kind, *(f"{value:g}" for value in self.parameters.values())])

    def model(self) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

        if self.kind == "forest":
            return RandomForestClassifier(random_state=1, n_jobs=1, min_samples_leaf=5, **self.parameters)
        return HistGradientBoostingClassifier(random_state=1, early_stopping=False, **self.parameters)


#: What these models are written with besides what skops holds harmless, whoever wrote the file: it was us.
TRUSTED = ["numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
#: From so many rows on there is enough to tell more trials apart by.
MANY_ROWS = 100_000
_SMALL = {
    "forest": {"n_estimators": [30], "max_depth": [6, 12]},
    "boosting": {"max_iter": [60], "learning_rate": [0.05, 0.2]},
}
_LARGE = {
    "forest": {"n_estimators": [60], "max_depth": [8, 16]},
    "boosting": {"max_iter": [100, 200], "learning_rate": [0.05, 0.1, 0.2]},
}


def grid(rows: int) -> Iterator[Trial]:
    """The trials for so many rows."""
    for kind, choices in (_LARGE if rows >= MANY_ROWS else _SMALL).items():
        for values in product(*choices.values()):
            yield Trial(kind, dict(zip(choices, values, strict=True)))


def scores(model: Any, encoded: Any, labels: Any) -> dict[str, float]:
    """How well late flights are told from others, and how often the answer is right."""
    from sklearn.metrics import accuracy_score, roc_auc_score

    return {
        "auc": float(roc_auc_score(labels, model.predict_proba(encoded)[:, 1])),
        "accuracy": float(accuracy_score(labels, model.predict(encoded))),
    }


def search() -> dict[str, Any]:
    """Trains on the clean flights that are there now. Resolves to the registered version, and how it compares."""
    import mlflow
    import plinth

    rows = read()
    parts = split(rows)
    features = encoder().fit(parts["train"][0])
    encoded = {name: features.transform(inputs) for name, (inputs, _) in parts.items()}
    labels = {name: known for name, (_, known) in parts.items()}
    version = plinth.storage().version(f"{CLEAN}/")
    trials = []
    with plinth.track(EXPERIMENT, "search", data=version) as run:
        mlflow.log_params({"rows": len(rows), "features": encoded["train"].shape[1]})
        for trial in grid(len(rows)):
            trials.append((tried(trial, encoded, labels), trial))
        # Of equals the first: runs that are repeated choose alike.
        best, chosen = max(trials, key=lambda each: each[0]["auc"])
        mlflow.log_params({"chosen": chosen.name})
        model = chosen.model().fit(encoded["train"], labels["train"])
        found = scores(model, encoded["test"], labels["test"])
        before = champion_scores(parts["test"])
        mlflow.log_metrics({**found, **{f"champion_{name}": value for name, value in before.items()}})
        plinth.baseline(parts["test"][0], model.predict(encoded["test"]), labels["test"])
        registered = register(features, model, parts["train"][0], encoded["train"])
    return {
        "run": run.info.run_id,
        "trials": {trial.name: round(each["auc"], 4) for each, trial in trials},
        "chosen": chosen.name,
        **{name: round(value, 4) for name, value in found.items()},
        **{f"champion_{name}": round(value, 4) for name, value in before.items()},
        **registered,
    }


def tried(trial: Trial, encoded: dict[str, Any], labels: dict[str, Any]) -> dict[str, float]:
    """One trial, as a run below the search's."""
    import mlflow

    with mlflow.start_run(run_name=trial.name, nested=True):
        mlflow.log_params({"kind": trial.kind, **trial.parameters})
        began = time.monotonic()
        model = trial.model().fit(encoded["train"], labels["train"])
        found = scores(model, encoded["choose"], labels["choose"])
        mlflow.log_metrics({**found, "fit_seconds": time.monotonic() - began})
    return found


def champion_scores(test: tuple[Any, Any]) -> dict[str, float]:
    """How the version that serves now does on the same flights; nothing where none does."""
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient()
    try:
        champion = client.get_model_version_by_alias(MODEL, "champion")
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return {}
        raise
    model = mlflow.sklearn.load_model(f"models:/{MODEL}/{champion.version}")
    features = mlflow.pyfunc.load_model(champion.tags["flights.features"])
    inputs, labels = test
    return scores(model, features.predict(inputs), labels)


def register(features: Any, model: Any, inputs: Any, encoded: Any) -> dict[str, Any]:
    """A version of both models. The predictor names its encoder in its own files, so that neither goes alone."""
    import mlflow
    from mlflow.models import infer_signature

    with tempfile.TemporaryDirectory() as folder:
        encoder_path = str(Path(folder, "encoder"))
        mlflow.sklearn.save_model(features, encoder_path, skops_trusted_types=TRUSTED)
        encoding = mlflow.pyfunc.log_model(
            name="features",
            python_model=str(Path(__file__).with_name("encoder_model.py")),
            artifacts={"encoder": encoder_path},
            signature=infer_signature(inputs.head(), encoded[:5]),
            registered_model_name=FEATURES_MODEL,
        )
    uri = f"models:/{FEATURES_MODEL}/{encoding.registered_model_version}"
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        signature=infer_signature(encoded[:5], model.predict(encoded[:5])),
        metadata={"plinth.transformer": uri},
        skops_trusted_types=TRUSTED,
        registered_model_name=MODEL,
    )
    version = str(logged.registered_model_version)
    mlflow.MlflowClient().set_model_version_tag(MODEL, version, "flights.features", uri)
    return {"version": version, "transformer": uri}
