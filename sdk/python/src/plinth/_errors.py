"""What goes wrong, in words that say what to do."""

from __future__ import annotations

import importlib
import os
from types import ModuleType


class PlinthError(RuntimeError):
    """Something that the platform can't do as asked; the message says what would work."""


def setting(name: str, what_for: str) -> str:
    """A variable of the environment that the platform puts into every pod of a team."""
    value = os.environ.get(name, "")
    if value == "":
        raise PlinthError(
            f"{what_for} needs the environment variable {name}, which the platform sets in notebooks, DAG tasks and "
            f"Spark jobs of a team. Outside of these, set it yourself."
        )
    return value


def package(name: str, what_for: str) -> ModuleType:
    """Imports a package that not every image has."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise PlinthError(
            f"{what_for} needs the Python package {name!r}, which isn't importable here ({error}). Plinth's notebook, "
            f"Spark and DAG images have it; elsewhere `pip install` it."
        ) from error
