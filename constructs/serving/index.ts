export { MlserverServing, type MlserverServingProps } from './mlserver.ts';
export { type ModelPlace, type PredictorManifest, predictorManifests, smallest } from './predictor.ts';
