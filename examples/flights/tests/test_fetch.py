"""What model pods bring for a model that names its transformer (images/model-server)."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import tests  # noqa: F401, puts the package's sources on the path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "images/model-server"))
from plinth_serving import fetch  # noqa: E402


class FetchTest(unittest.TestCase):
    def steps(self, described: str, **more: str) -> list[tuple[str, str]]:
        """Folder and source of what a request passes, in order, for a model that is described so."""
        sources: dict[str, str] = {}

        def download(uri: str, target: Path) -> None:
            sources[str(target)] = uri
            (target / "MLmodel").write_text(described if uri == "models:/delays/3" else "flavors: {}\n")

        own = {"MODEL_NAME": "delays", "MODEL_VERSION": "3", "MODEL_URI": "models:/delays/3", **more}
        with tempfile.TemporaryDirectory() as folder:
            with mock.patch.dict(os.environ, own), mock.patch.object(fetch, "download", download):
                # The second start finds what the first one left.
                fetch.main(Path(folder))
                fetch.main(Path(folder))
            settings = json.loads(Path(folder, "delays/model-settings.json").read_text())
            steps = settings["parameters"]["extra"]["steps"]
            return [(Path(each).name, sources[each]) for each in steps]

    def test_a_model_that_names_none_comes_alone(self) -> None:
        self.assertEqual(self.steps("flavors: {}\n"), [("predictor", "models:/delays/3")])
        self.assertEqual(self.steps("metadata: null\n"), [("predictor", "models:/delays/3")])

    def test_the_one_that_it_names_comes_before_it(self) -> None:
        described = "metadata:\n  plinth.transformer: models:/features/2\n"
        expected = [("transformer", "models:/features/2"), ("predictor", "models:/delays/3")]
        self.assertEqual(self.steps(described), expected)

    def test_one_that_the_environment_declares_comes_in_its_place(self) -> None:
        described = "metadata:\n  plinth.transformer: models:/features/2\n"
        found = self.steps(described, TRANSFORMER_URI="models:/features/1")
        self.assertEqual(found[0], ("transformer", "models:/features/1"))
