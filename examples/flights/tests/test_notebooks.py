from __future__ import annotations

import ast
import json
import re
import unittest
from pathlib import Path

project = Path(__file__).resolve().parent.parent
notebooks = sorted(project.glob("*.ipynb"))


class NotebooksTest(unittest.TestCase):
    def test_are_committed_without_what_they_printed_and_compile(self) -> None:
        self.assertGreaterEqual(len(notebooks), 4)
        for path in notebooks:
            with self.subTest(path.name):
                notebook = json.loads(path.read_text())
                self.assertEqual((notebook["nbformat"], notebook["nbformat_minor"]), (4, 5))
                ids = [cell["id"] for cell in notebook["cells"]]
                self.assertEqual(len(set(ids)), len(ids))
                for cell in notebook["cells"]:
                    source = "".join(cell["source"])
                    if cell["cell_type"] != "code":
                        continue
                    self.assertEqual((cell["outputs"], cell["execution_count"]), ([], None), source)
                    # Lines of IPython's own are none of Python.
                    compile(re.sub(r"(?m)^%.*$", "", source), path.name, "exec")
                    self.assertLessEqual(max(map(len, source.splitlines())), 120, source)

    def test_call_only_what_the_package_has(self) -> None:
        modules = {path.stem: path for path in (project / "flights").glob("*.py")}
        for path in notebooks:
            for cell in json.loads(path.read_text())["cells"]:
                if cell["cell_type"] != "code":
                    continue
                for module, name in re.findall(r"\b(prepare|features|train|serve)\.([a-zA-Z_]+)", "".join(cell["source"])):
                    defined = ast.parse(modules[module].read_text()).body
                    names = {getattr(each, "name", None) for each in defined} | {
                        target.id
                        for each in defined
                        if isinstance(each, ast.Assign)
                        for group in each.targets
                        for target in ast.walk(group)
                        if isinstance(target, ast.Name)
                    }
                    self.assertIn(name, names, f"{path.name}: {module}.{name}")


class PipelineTest(unittest.TestCase):
    def test_the_model_names_the_dag_that_retrains_it(self) -> None:
        from flights import RETRAIN_DAG

        self.assertIn(f'dag_id="{RETRAIN_DAG}"', (project / "pipeline/flights_pipeline.py").read_text())
