import { type ImageName, image, imageNames, reference } from '../../constructs/catalogue/index.ts';
import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';

/** The images that pods of an environment name: what it has switched off needn't be built. */
export const neededImages = (name = 'local'): readonly ImageName[] => {
  const { app, environment } = compose(parseEnvironment(name, environments[name]));
  const rendered = JSON.stringify(app.charts.flatMap((chart) => chart.toJson()));
  const named = (each: ImageName): boolean =>
    rendered.includes(`"${reference(image(each), environment.imageRegistry)}"`);
  return imageNames.filter(named);
};
