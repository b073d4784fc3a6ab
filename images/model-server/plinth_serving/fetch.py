"""Puts a model where MLServer finds it, before it starts: no image is built for a model.

usage: python3 -m plinth_serving.fetch FOLDER

MODEL_NAME       the name that it answers under
MODEL_VERSION    the version that its answers and its metrics name
MODEL_URI        models:/NAME/VERSION of MLflow's registry, or s3://BUCKET/PATH of a model that MLflow saved
TRANSFORMER_URI  the same of a model that makes the predictor's inputs of the caller's; unset: what the model itself
                 names as `plinth.transformer` in the metadata that it was logged with, or none

MLflow's and boto3's own variables say where the registry and the store are and how to sign in.
"""

import json
import logging
import os
import re
import shutil
import sys
import time
from pathlib import Path

import mlflow.artifacts
import yaml
from mlflow.exceptions import MlflowException

log = logging.getLogger("fetch")
# The registry or the issuer may still start, or a new credential isn't known everywhere yet.
patience = 180


def download(uri: str, target: Path) -> None:
    if not re.fullmatch(r"models:/[^/@]+/\d+|s3://[^/]+/.+", uri):
        raise SystemExit(f"got {uri!r}, expected models:/NAME/VERSION or s3://BUCKET/PATH: an alias may move")
    deadline = time.monotonic() + patience
    while True:
        try:
            found = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(target)))
            break
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "PERMISSION_DENIED"):
                raise SystemExit(f"{uri}: {error.message}") from error
            if time.monotonic() > deadline:
                raise
            log.warning("%s: %s; again in 5 s", uri, error)
        except OSError as error:
            if time.monotonic() > deadline:
                raise
            log.warning("%s: %s; again in 5 s", uri, error)
        time.sleep(5)
    # A bucket's path comes below the folder, a registered model's files right in it.
    if found != target and found.is_dir():
        for each in list(found.iterdir()):
            shutil.move(str(each), str(target / each.name))
    if not (target / "MLmodel").exists():
        raise SystemExit(f"{uri} is no model that MLflow saved: it has no file MLmodel")
    log.info("%s: %d files", uri, sum(each.is_file() for each in target.rglob("*")))


def transformer_of(model: Path) -> str | None:
    """What whoever logged the model says must come before it: part of its files, so that it can't change alone."""
    described = yaml.safe_load((model / "MLmodel").read_text())
    return (described.get("metadata") or {}).get("plinth.transformer")


def main(folder: Path) -> None:
    name, version = os.environ["MODEL_NAME"], os.environ["MODEL_VERSION"]
    model = folder / name
    # What an interrupted start left may be half of a file.
    shutil.rmtree(model, ignore_errors=True)
    predictor, transformer = model / "predictor", model / "transformer"
    predictor.mkdir(parents=True)
    download(os.environ["MODEL_URI"], predictor)
    steps = [predictor]
    if uri := os.environ.get("TRANSFORMER_URI") or transformer_of(predictor):
        transformer.mkdir()
        download(uri, transformer)
        steps.insert(0, transformer)
    settings = {
        "name": name,
        "implementation": "plinth_serving.steps.Steps",
        "parameters": {
            "version": version,
            "extra": {"steps": [str(step) for step in steps]},
        },
    }
    (model / "model-settings.json").write_text(json.dumps(settings))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    main(Path(sys.argv[1]))
