"""SparkApplications: jobs that run on their own, for the Spark operator."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from plinth._errors import PlinthError
from plinth._templates import template


def spark_application(
    name: str,
    main: str,
    arguments: Sequence[str] = (),
    *,
    executors: int = 1,
    cores: int = 1,
    memory_mib: int = 1024,
    conf: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The manifest of a SparkApplication in the team's namespace, storage, logs and limits filled in.

    `main` is a Python file: `s3a://<bucket>/<key>`, or `local:///<path>` in the image. Give the result to Airflow's
    SparkKubernetesOperator as `template_spec`, or to `kubectl apply`.
    """
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", name):
        raise PlinthError(f"name: got {name!r}, expected up to 52 lower-case letters, digits and hyphens")
    if not main.startswith(("s3a://", "local:///")):
        raise PlinthError(
            f"main: got {main!r}, expected s3a://<bucket>/<key> or local:///<path>; plinth.storage().spark_path(key) "
            f"makes the former"
        )
    settings = template("application.json", "plinth.spark_application()")
    manifest: dict[str, Any] = settings["manifest"]
    manifest["metadata"]["name"] = name
    spec = manifest["spec"]
    spec["mainApplicationFile"] = main
    spec["arguments"] = list(arguments)
    spec["executor"].update(instances=executors, cores=cores, memory=f"{memory_mib}m")
    spec["executor"]["coreRequest"] = f"{cores * settings['coreMillis']}m"
    spec["sparkConf"].update(conf or {})
    return manifest
