"""MLflow models one after the other, under one name: the outputs of each are the inputs of the next."""

from mlserver import MLModel, ModelSettings
from mlserver.errors import InferenceError
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse, RequestInput
from mlserver_mlflow import MLflowRuntime


def as_inputs(response: InferenceResponse) -> InferenceRequest:
    """An answer as the next step's question: same tensors, same content types."""
    inputs = [
        RequestInput(
            name=output.name,
            shape=output.shape,
            datatype=output.datatype,
            data=output.data,
            parameters=output.parameters,
        )
        for output in response.outputs
    ]
    return InferenceRequest(id=response.id, inputs=inputs, parameters=response.parameters)


class Steps(MLModel):
    """MLServer's runtime for MLflow, once for each folder that `fetch` lists under `steps`."""

    def __init__(self, settings: ModelSettings):
        super().__init__(settings)
        parameters = settings.parameters or ModelParameters()
        folders = (parameters.extra or {}).get("steps", [])
        self._steps = [
            MLflowRuntime(
                ModelSettings(
                    name=settings.name,
                    implementation=MLflowRuntime,
                    parameters=ModelParameters(uri=folder, version=parameters.version),
                )
            )
            for folder in folders
        ]

    async def load(self) -> bool:
        if not self._steps:
            raise InferenceError(f"{self.name} has no steps")
        for step in self._steps:
            step.ready = await step.load()
        self.inputs, self.outputs = self._steps[0].inputs, self._steps[-1].outputs
        return all(step.ready for step in self._steps)

    async def metadata(self) -> MetadataModelResponse:
        first, last = await self._steps[0].metadata(), await self._steps[-1].metadata()
        return first.model_copy(update={"outputs": last.outputs})

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        response = await self._steps[0].predict(payload)
        for step in self._steps[1:]:
            response = await step.predict(as_inputs(response))
        return response
