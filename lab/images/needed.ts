import {
  type ImageName,
  image,
  imageNames,
  type PinnedImage,
  type PublishedImageName,
  publishedImageNames,
  reference,
} from '../../constructs/catalogue/index.ts';
import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';

export interface NeededImages {
  readonly built: readonly ImageName[];
  readonly published: readonly PublishedImageName[];
}

/** The images that pods of an environment name: what it has switched off needn't be built. */
export const imagesOf = (name = 'local'): NeededImages => {
  const { app, environment } = compose(parseEnvironment(name, environments[name]));
  const rendered = JSON.stringify(app.charts.flatMap((chart) => chart.toJson()));
  const named = (each: PinnedImage): boolean =>
    rendered.includes(`"${reference(each, environment.imageRegistry)}"`);
  return {
    built: imageNames.filter((each) => named(image(each))),
    published: publishedImageNames.filter((each) => named(image(each))),
  };
};

/** Those that Plinth builds. */
export const neededImages = (name?: string): readonly ImageName[] => imagesOf(name).built;
