"""Puts the project's package and the platform's on the path."""

import sys
from pathlib import Path

_project = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_project), str(_project.parent.parent / "sdk/python/src")]
