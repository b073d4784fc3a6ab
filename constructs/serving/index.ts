export { MlserverServing, type MlserverServingProps, type PredictorShapes } from './mlserver.ts';
export { type ModelPlace, type PredictorManifest, predictorManifests, smallest } from './predictor.ts';
export {
  type SeldonDeployment,
  SeldonServing,
  type SeldonServingProps,
  seldonDeployment,
  seldonDeploymentDefinition,
} from './seldon/index.ts';
