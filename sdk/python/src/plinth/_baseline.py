"""What a model's inputs and predictions looked like when it was trained, for the platform to compare with later."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from plinth._errors import PlinthError, package

ARTIFACT = "plinth/baseline.json"
# Of each column; evenly spaced beyond it. A hundred thousand values place a quantile within 0.2 %.
_MOST_VALUES = 100_000
_FEWEST_ROWS = 100
_MOST_CATEGORIES = 50
# Numbers that are whole and this few, months or flags, are categories: quantiles say nothing about them.
_FEW = 20

Columns = dict[str, list[Any]]
Summary = dict[str, Any]


def baseline(
    features: Any,
    predictions: Any = None,
    labels: Any = None,
    *,
    run_id: str | None = None,
) -> Summary:
    """Records how `features` and `predictions` are distributed, as artifact `plinth/baseline.json` of the run.

    `features`: a pandas DataFrame, a mapping of columns, or a two-dimensional array; `predictions`: what the model
    answered for them, best for rows that it wasn't trained on; `labels`: what was true, for the quality to expect.
    The run is the one that is active, or `run_id`. Rows themselves are not kept, but categories are: leave out columns
    that must not be seen. Returns what was recorded.
    """
    mlflow = package("mlflow", "plinth.baseline()")
    if run_id is None and mlflow.active_run() is None:
        raise PlinthError(
            "plinth.baseline() belongs to a run: call it inside `with plinth.track(...):`, or give it a run_id"
        )
    summary = summarize(features, predictions, labels)
    mlflow.log_dict(summary, ARTIFACT, run_id=run_id)
    return summary


def summarize(features: Any, predictions: Any = None, labels: Any = None) -> Summary:
    """The baseline as it is recorded; `services/prediction-log` reads it."""
    columns = columns_of(features, "features")
    rows = _rows(columns)
    if rows < _FEWEST_ROWS:
        raise PlinthError(f"features: got {rows} rows, expected at least {_FEWEST_ROWS} to know a distribution by")
    outputs = {} if predictions is None else outputs_of(predictions)
    summary: Summary = {
        "format": 1,
        "rows": rows,
        "features": {name: describe(values, name) for name, values in sorted(columns.items())},
        "predictions": {name: describe(values, name) for name, values in sorted(outputs.items())},
    }
    if labels is not None:
        if list(outputs) != ["prediction"]:
            raise PlinthError("labels: need predictions with one value a row to be compared with")
        summary["quality"] = quality(outputs["prediction"], _listed(labels))
    return summary


def columns_of(data: Any, what: str) -> Columns:
    """Columns by name; those of an array are called as the serving protocol's tensor `input`: `input[0]`, ..."""
    if hasattr(data, "columns"):
        columns = {str(name): _listed(data[name]) for name in data.columns}
    elif isinstance(data, Mapping):
        columns = {str(name): _listed(values) for name, values in data.items()}
    else:
        columns = _unstacked(_listed(data), "input", what)
    if not columns or len({len(values) for values in columns.values()}) != 1:
        raise PlinthError(f"{what}: expected at least one column, all of the same length")
    return columns


def outputs_of(predictions: Any) -> Columns:
    if hasattr(predictions, "columns") or isinstance(predictions, Mapping):
        return columns_of(predictions, "predictions")
    listed = _listed(predictions)
    if listed and isinstance(listed[0], list):
        return _unstacked(listed, "prediction", "predictions")
    return {"prediction": listed}


def _unstacked(listed: list[Any], name: str, what: str) -> Columns:
    if not listed or not isinstance(listed[0], list) or len({len(row) for row in listed}) != 1:
        raise PlinthError(f"{what}: expected a DataFrame, a mapping of columns or an array of rows of one length")
    if len(listed[0]) == 1:
        return {name: [row[0] for row in listed]}
    return {f"{name}[{index}]": [row[index] for row in listed] for index in range(len(listed[0]))}


def _listed(values: Any) -> list[Any]:
    if hasattr(values, "tolist"):
        return list(values.tolist())
    if isinstance(values, Iterable) and not isinstance(values, str | bytes):
        return [list(each) if isinstance(each, tuple) else each for each in values]
    raise PlinthError(f"got {type(values).__name__}, expected a column, a list or an array")


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def is_missing(value: Any) -> bool:
    # pandas' NaT and NA are not equal to themselves, or don't say.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)


def category(value: Any) -> str:
    """A value's name, the same whether it came from Python or from JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def describe(values: Sequence[Any], name: str) -> Summary:
    """One column: its share of missing values, and quantiles of numbers or shares of categories."""
    step = max(1, math.ceil(len(values) / _MOST_VALUES))
    sample = values[::step]
    known = [each for each in sample if not is_missing(each)]
    missing = 1 - len(known) / len(sample)
    if not known:
        return {"kind": "empty", "missing": 1.0}
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in known) and not _is_coded(known):
        numbers = sorted(float(each) for each in known if math.isfinite(each))
        if not numbers:
            raise PlinthError(f"column {name!r}: every number is infinite, so there is nothing to compare with")
        return {"kind": "number", "missing": missing, "quantiles": [_quantile(numbers, i / 100) for i in range(101)]}
    counted = Counter(category(each) for each in known)
    kept = sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:_MOST_CATEGORIES]
    shares = {value: count / len(known) for value, count in sorted(kept)}
    return {"kind": "category", "missing": missing, "shares": shares}


def _is_coded(known: Sequence[Any]) -> bool:
    few: set[float] = set()
    for each in known:
        if not math.isfinite(each) or each != int(each):
            return False
        few.add(float(each))
        if len(few) > _FEW:
            return False
    return True


def _quantile(ordered: Sequence[float], share: float) -> float:
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    # Equal neighbours stay exact: interpolation would put a hair between ties.
    if ordered[below] == ordered[above]:
        return ordered[below]
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def quality(predictions: Sequence[Any], labels: Sequence[Any]) -> Summary:
    """Share of right answers for classes, mean absolute error for numbers."""
    if len(predictions) != len(labels):
        raise PlinthError(f"labels: got {len(labels)}, expected one for each of {len(predictions)} predictions")
    zipped = zip(map(_flag_as_number, predictions), map(_flag_as_number, labels), strict=True)
    pairs = [(p, t) for p, t in zipped if not is_missing(p) and not is_missing(t)]
    if not pairs:
        raise PlinthError("labels: all are missing")
    both = [each for pair in pairs for each in pair]
    if all(isinstance(each, int | float) for each in both) and not _is_coded(both):
        return {"kind": "error", "value": sum(abs(p - t) for p, t in pairs) / len(pairs)}
    right = sum(category(p) == category(t) for p, t in pairs)
    return {"kind": "accuracy", "value": right / len(pairs)}


def _flag_as_number(value: Any) -> Any:
    # A model answers 1 for what somebody labels True.
    return int(value) if isinstance(value, bool) else value
