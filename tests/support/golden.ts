import { join } from 'node:path';
import { type Chart, Yaml } from 'cdk8s';
import { image, imageNames, publishedImageNames, reference } from '../../constructs/catalogue/index.ts';
import { SecretRequest } from '../../constructs/contracts/index.ts';
import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';
import { type Manifest, synthesize } from '../../platform/synthesis/index.ts';

export const goldenFolder = join(import.meta.dirname, '../golden');

/** Definitions come from releases and are reviewed there: only their names show here. */
const brief = (manifest: Manifest): Manifest =>
  manifest.kind === 'CustomResourceDefinition'
    ? { apiVersion: manifest.apiVersion, kind: manifest.kind, metadata: { name: manifest.metadata.name } }
    : manifest;

/** `catalogue:<image>` for its reference, and no hash in a Job's name: a new version changes the catalogue only. */
const withoutVersions = (text: string, registry: string | undefined): string =>
  [...imageNames, ...publishedImageNames]
    .reduce((rest, name) => rest.replaceAll(reference(image(name), registry), `catalogue:${name}`), text)
    .replaceAll(/^(kind: Job\nmetadata:\n(?: {2}.*\n)*? {2}name: .*)-[0-9a-f]{8}$/gm, '$1-<hash>');

const requests = (chart: Chart): string =>
  chart.node
    .findAll()
    .filter(SecretRequest.isSecretRequest)
    .map(({ request }) => {
      const { namespace, name, source, generation } = request;
      return `# Secret ${namespace}/${name} (${source}, generation ${generation}): ${Object.keys(request.values).join(', ')}\n`;
    })
    .join('');

/** What is applied of each chart of an environment, in its order and a form that a reviewer reads, by file name. */
export const goldenOf = (name: string): ReadonlyMap<string, string> => {
  const environment = parseEnvironment(name, environments[name]);
  const { app } = compose(environment);
  const applied = new Map(synthesize(app).map(({ chart, objects }) => [chart, objects]));
  return new Map(
    app.charts.map((chart) => {
      const objects = (applied.get(chart) ?? []).map(({ manifest }) => Yaml.stringify(brief(manifest)));
      const text = requests(chart) + objects.join('---\n');
      return [`${chart.node.id}.yaml`, withoutVersions(text, environment.imageRegistry)];
    }),
  );
};
