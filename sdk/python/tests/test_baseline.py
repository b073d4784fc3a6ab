from __future__ import annotations

import json
import math
import sys
import unittest
from pathlib import Path
from unittest import mock

import tests  # noqa: F401, puts the package's sources on the path

import plinth
from plinth._baseline import Columns, describe, summarize

# What services/prediction-log reads in its own tests: both sides of one format.
shared = Path(__file__).parents[3] / "services" / "prediction-log" / "test" / "support" / "baseline.json"


def flights(rows: int = 1000) -> Columns:
    """Without randomness, so that its summary is the same everywhere."""
    return {
        "distance": [None if i % 50 == 0 else 100.0 + (i * 37) % 900 for i in range(rows)],
        "month": [1 + i % 12 for i in range(rows)],
        "carrier": [("AA", "DL", "UA", "WN")[(i * i) % 4] for i in range(rows)],
        "weekend": [i % 7 > 4 for i in range(rows)],
    }


class SummaryTest(unittest.TestCase):
    def test_numbers_have_quantiles_and_a_share_of_missing_values(self) -> None:
        summary = summarize(flights())["features"]["distance"]
        self.assertEqual(summary["kind"], "number")
        self.assertAlmostEqual(summary["missing"], 0.02)
        self.assertEqual(len(summary["quantiles"]), 101)
        self.assertEqual(summary["quantiles"], sorted(summary["quantiles"]))
        self.assertAlmostEqual(summary["quantiles"][50], 549, delta=10)

    def test_codes_flags_and_text_are_categories_named_as_json_will_bring_them(self) -> None:
        features = summarize(flights())["features"]
        self.assertEqual([features[each]["kind"] for each in ("month", "carrier", "weekend")], ["category"] * 3)
        self.assertEqual(set(features["month"]["shares"]), {str(month) for month in range(1, 13)})
        self.assertEqual(set(features["weekend"]["shares"]), {"true", "false"})
        self.assertAlmostEqual(sum(features["carrier"]["shares"].values()), 1)
        # A flag that became a float, as pandas makes of whole numbers with gaps.
        self.assertEqual(describe([0.0, 1.0, float("nan"), 1.0], "flag")["shares"], {"0": 1 / 3, "1": 2 / 3})

    def test_many_values_that_are_whole_are_numbers(self) -> None:
        self.assertEqual(describe(list(range(100)), "rank")["kind"], "number")

    def test_ties_stay_exact(self) -> None:
        quantiles = describe([0.1] * 700 + [i + 0.5 for i in range(300)], "rain")["quantiles"]
        self.assertEqual(set(quantiles[:70]), {0.1})

    def test_rare_categories_are_left_out_and_a_column_without_values_is_said_to_be(self) -> None:
        values = [f"v{i}" for i in range(200) for _ in range(i + 1)]
        shares = describe(values, "airport")["shares"]
        self.assertEqual(len(shares), 50)
        self.assertLess(sum(shares.values()), 1)
        self.assertEqual(describe([None, math.nan], "gone"), {"kind": "empty", "missing": 1.0})

    def test_quality_is_accuracy_for_classes_and_error_for_numbers(self) -> None:
        rows = flights()
        classes = [i % 2 for i in range(1000)]
        wrong = [1 - each if i < 100 else each for i, each in enumerate(classes)]
        self.assertEqual(summarize(rows, wrong, classes)["quality"], {"kind": "accuracy", "value": 0.9})
        minutes = [i * 0.25 for i in range(1000)]
        found = summarize(rows, [each + 2 for each in minutes], minutes)["quality"]
        self.assertEqual((found["kind"], round(found["value"], 9)), ("error", 2))

    def test_an_array_has_columns_by_place_and_probabilities_are_outputs_each(self) -> None:
        rows = [[i * 0.3, float(i % 3)] for i in range(200)]
        summary = summarize(rows, [[0.25, 0.75]] * 200)
        self.assertEqual(list(summary["features"]), ["input[0]", "input[1]"])
        self.assertEqual(list(summary["predictions"]), ["prediction[0]", "prediction[1]"])

    def test_what_cannot_be_a_baseline_is_refused_in_words(self) -> None:
        with self.assertRaisesRegex(plinth.PlinthError, "got 5 rows, expected at least 100"):
            summarize({"a": [1, 2, 3, 4, 5]})
        with self.assertRaisesRegex(plinth.PlinthError, "all of the same length"):
            summarize({"a": [1] * 200, "b": [1]})
        with self.assertRaisesRegex(plinth.PlinthError, "labels: got 1, expected one for each of 200"):
            summarize({"a": [1] * 200}, [1] * 200, [1])
        with self.assertRaisesRegex(plinth.PlinthError, "expected a DataFrame, a mapping of columns or an array"):
            summarize([1, 2, 3])

    def test_the_drift_service_reads_what_is_written_here(self) -> None:
        predictions = [i % 5 == 0 for i in range(1000)]
        labels = [i % 4 == 0 for i in range(1000)]
        self.assertEqual(json.loads(shared.read_text()), summarize(flights(), predictions, labels))


class RecordingTest(unittest.TestCase):
    def test_it_goes_to_the_active_run(self) -> None:
        mlflow = mock.MagicMock()
        with mock.patch.dict(sys.modules, {"mlflow": mlflow}):
            summary = plinth.baseline(flights(), [1.5] * 1000)
        mlflow.log_dict.assert_called_once_with(summary, "plinth/baseline.json", run_id=None)

    def test_without_a_run_it_says_where_it_belongs(self) -> None:
        mlflow = mock.MagicMock()
        mlflow.active_run.return_value = None
        with mock.patch.dict(sys.modules, {"mlflow": mlflow}):
            with self.assertRaisesRegex(plinth.PlinthError, "inside `with plinth.track"):
                plinth.baseline(flights())
            plinth.baseline(flights(), run_id="r1")
        mlflow.log_dict.assert_called_once()


if __name__ == "__main__":
    unittest.main()
