"""The encoder as a model of its own, which MLflow keeps as this file and the fitted encoder beside it."""

import mlflow


class Encoder(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self._encoder = mlflow.sklearn.load_model(context.artifacts["encoder"])

    def predict(self, context, model_input, params=None):
        return self._encoder.transform(model_input)


mlflow.models.set_model(Encoder())
