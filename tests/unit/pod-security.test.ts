import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';
import { synthesize } from '../../platform/synthesis/index.ts';
import {
  buildJudge,
  enforcedLevels,
  type PodTemplate,
  podTemplates,
  refusals,
} from '../support/pod-security.ts';

/** Namespaces that enforce less than `restricted`, each with the reason. */
const exceptions: Readonly<Record<string, string>> = {};

let judge: string;
// The first run on a machine builds Kubernetes' admission code.
beforeAll(async () => {
  judge = await buildJudge();
}, 900_000);

describe.each(Object.keys(environments))('pods of %s', (name) => {
  const charts = synthesize(compose(parseEnvironment(name, environments[name])).app);

  test('are in namespaces that enforce restricted, but for recorded exceptions', () => {
    const looser = [...enforcedLevels(charts)].filter(([, level]) => level !== 'restricted');
    expect(looser.map(([namespace]) => namespace)).toEqual(
      [...enforcedLevels(charts).keys()].filter((namespace) => namespace in exceptions),
    );
  });

  test('pass the admission of their namespace', async () => {
    const templates = podTemplates(charts);
    expect(templates.length).toBeGreaterThan(0);
    expect(await refusals(judge, templates)).toEqual([]);
  });
});

test('the judge refuses a pod that runs as root', async () => {
  const charts = synthesize(compose(parseEnvironment('local', environments['local'])).app);
  const [template] = podTemplates(charts);
  const asRoot: PodTemplate = {
    path: 'planted',
    level: 'restricted',
    template: {
      spec: { containers: [{ name: 'server', image: 'server', securityContext: { runAsUser: 0 } }] },
    },
  };
  const [refused, ...others] = await refusals(judge, template === undefined ? [asRoot] : [template, asRoot]);
  expect(others).toEqual([]);
  expect(refused?.path).toBe('planted');
  expect(refused?.reasons).toContain('runAsUser=0: container "server" must not set runAsUser=0');
});
