"""Templates of what is started, which the platform mounts into pods that may start it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

from plinth._errors import PlinthError


def template(name: str, what_for: str) -> dict[str, Any]:
    folder = Path(os.environ.get("PLINTH_SPARK", "/etc/plinth/spark"))
    try:
        return cast(dict[str, Any], json.loads((folder / name).read_text()))
    except FileNotFoundError as error:
        raise PlinthError(
            f"{what_for} needs {folder / name}, which the platform mounts into notebooks and DAG tasks of a team where "
            f"Spark is switched on. Ask those who run the platform whether it is."
        ) from error
