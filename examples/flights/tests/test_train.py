from __future__ import annotations

import unittest
from datetime import date
from unittest import mock

import numpy as np
import pandas as pd
import tests  # noqa: F401, puts the package's sources on the path

import plinth
from flights import CATEGORIES, INPUTS, LABEL, MODEL, NUMBERS, features, serve, train
from flights.generate import SHIFT

before, after = (
    pd.DataFrame([{**inputs, LABEL: label} for inputs, label in serve.live(days, per_day=20)])
    for days in (serve.BEFORE, serve.AFTER)
)


def fitted(rows: pd.DataFrame) -> tuple[object, object, dict[str, tuple[pd.DataFrame, np.ndarray]]]:
    parts = features.split(rows)
    encoder = features.encoder().fit(parts["train"][0])
    trial = next(each for each in train.grid(len(rows)) if each.kind == "boosting")
    return encoder, trial.model().fit(encoder.transform(parts["train"][0]), parts["train"][1]), parts


class FeaturesTest(unittest.TestCase):
    def test_no_flight_is_in_two_parts_and_each_has_the_same_share_of_late_ones(self) -> None:
        parts = features.split(before)
        indices = [set(inputs.index) for inputs, _ in parts.values()]
        self.assertEqual(sum(map(len, indices)), len(set().union(*indices)))
        for _, labels in parts.values():
            self.assertAlmostEqual(float(np.mean(labels)), before[LABEL].mean(), delta=0.01)

    def test_what_training_never_saw_and_what_is_missing_is_no_error(self) -> None:
        encoder = features.encoder().fit(features.inputs_of(before))
        row = features.inputs_of(before.head(1))
        known = encoder.transform(row)
        strange = row.assign(airline="??", visibility_miles=np.nan)
        encoded = encoder.transform(strange)
        self.assertEqual(encoded.shape, known.shape)
        self.assertTrue(np.isfinite(encoded).all())
        names = list(encoder.get_feature_names_out())
        flags = [each.startswith("categories__airline") for each in names]
        self.assertEqual((known[0][flags].sum(), encoded[0][flags].sum()), (1, 0))
        gap = names.index("numbers__missingindicator_visibility_miles")
        self.assertEqual((known[0][gap], encoded[0][gap]), (0, 1))

    def test_inputs_are_text_and_floats_so_that_any_may_be_missing(self) -> None:
        inputs = features.inputs_of(before.assign(scheduled_departure=before["scheduled_departure"].astype(int)))
        self.assertEqual(list(inputs.columns), INPUTS)
        self.assertEqual({str(inputs[name].dtype) for name in NUMBERS}, {"float64"})
        self.assertTrue(all(isinstance(each, str) for name in CATEGORIES for each in inputs[name].head()))


class TrainTest(unittest.TestCase):
    def test_the_grid_grows_with_the_data_and_its_trials_have_names_of_their_own(self) -> None:
        few, many = list(train.grid(1000)), list(train.grid(train.MANY_ROWS))
        self.assertLess(len(few), len(many))
        for trials in (few, many):
            self.assertEqual({each.kind for each in trials}, {"forest", "boosting"})
            self.assertEqual(len({each.name for each in trials}), len(trials))

    def test_a_model_tells_late_flights_and_is_worse_after_the_shift_until_it_is_trained_anew(self) -> None:
        encoder, model, parts = fitted(before)
        _, _, later = fitted(after)
        then = train.scores(model, encoder.transform(parts["test"][0]), parts["test"][1])
        self.assertGreater(then["auc"], 0.93)
        inputs, labels = later["test"]
        stale = train.scores(model, encoder.transform(inputs), labels)
        fresh_encoder, fresh, _ = fitted(after)
        renewed = train.scores(fresh, fresh_encoder.transform(inputs), labels)
        self.assertLess(stale["auc"], then["auc"] - 0.01)
        self.assertGreater(renewed["auc"], stale["auc"] + 0.01)


class ServeTest(unittest.TestCase):
    def test_live_flights_are_none_that_the_model_learnt_from(self) -> None:
        self.assertTrue(all(set(inputs) == set(INPUTS) for inputs, _ in serve.live((SHIFT, SHIFT))))
        self.assertNotEqual(serve.live((SHIFT, SHIFT)), serve.live((SHIFT, SHIFT), seed=1))

    def test_a_version_that_is_no_better_than_the_champion_stays_out(self) -> None:
        with mock.patch.object(plinth, "deploy") as deploy:
            with self.assertRaisesRegex(ValueError, "version 3 is no better"):
                serve.promote({"version": "3", "auc": 0.9, "champion_auc": 0.9})
            deploy.assert_not_called()
            serve.promote({"version": "3", "auc": 0.91, "champion_auc": 0.9})
            serve.promote({"version": "1", "auc": 0.5})
        self.assertEqual([call.args for call in deploy.call_args_list], [(MODEL, "3"), (MODEL, "1")])

    def test_asking_counts_versions_and_failures_tells_every_label_and_ends_with_the_awaited_version(self) -> None:
        told: dict[str, list[int]] = {}
        number = 0

        def predict(model: str, columns: dict[str, list[object]]) -> plinth.Prediction:
            nonlocal number
            number += 1
            if number == 3:
                raise plinth.PlinthError("busy")
            version = "1" if number < 6 else "2"
            return plinth.Prediction(model, version, f"r{number}", {"late": [0] * len(columns["origin"])})

        def feedback(model: str, labels: dict[str, list[int]]) -> int:
            told.update(labels)
            return len(labels)

        with mock.patch.object(plinth, "predict", predict), mock.patch.object(plinth, "feedback", feedback):
            found = serve.ask(serve.BEFORE, until="2", rows=10, per_second=10_000)
        self.assertEqual((found["requests"], found["failed"]), (45, 1))
        self.assertEqual(found["versions"], {"1": 4, "2": 40})
        self.assertEqual((found["rows"], found["labelled"], len(told)), (440, 44, 44))
        share = 1 - np.mean([label for labels in told.values() for label in labels])
        answered = found["accuracy"]["1"] * 40 + found["accuracy"]["2"] * 400
        self.assertAlmostEqual(answered / 440, share, places=3)

    def test_the_year_of_the_shift_is_the_later_one(self) -> None:
        self.assertEqual((serve.BEFORE[1], serve.AFTER[0]), (date(2024, 12, 31), SHIFT))
