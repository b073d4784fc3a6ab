"""Run with Python's own unittest: nothing here needs Spark, S3 or MLflow."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
