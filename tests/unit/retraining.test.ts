import { parse } from 'yaml';
import { SecretRequest } from '../../constructs/contracts/index.ts';
import { environments } from '../../environments/index.ts';
import { checkTree } from '../../platform/checks/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { find, manifestsOf } from '../support/manifests.ts';
import { mistakesIn } from '../support/mistakes.ts';
import { fileOf, type Manifest } from '../support/monitoring.ts';
import { networkPaths } from '../support/network-paths.ts';

interface Workload extends Manifest {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly env?: readonly { readonly name: string; readonly value?: string }[];
          readonly volumeMounts: readonly { readonly mountPath: string }[];
        }[];
      };
    };
  };
}

interface AlertmanagerConfig {
  readonly route: { readonly routes: readonly Readonly<Record<string, unknown>>[] };
  readonly receivers: readonly { readonly name: string; readonly webhook_configs?: readonly object[] }[];
}

const base = { ...environments['local'], grafana: { kind: 'off' } } as EnvironmentInput;
const on = (periodMinutes: number): Partial<EnvironmentInput> => ({
  predictionLog: { kind: 'on' },
  promoter: { kind: 'on', retrain: { kind: 'on', periodMinutes } },
});
const composed = (change: Partial<EnvironmentInput>) =>
  compose(parseEnvironment('retraining', { ...base, ...change }));

const mistakesOf = (change: Partial<EnvironmentInput>): readonly string[] =>
  mistakesIn('retraining', { ...base, ...on(10), ...change });

const configOf = (all: readonly Manifest[]): AlertmanagerConfig =>
  parse(fileOf(all, 'alertmanager.yml')) as AlertmanagerConfig;
const envOf = (all: readonly Manifest[]): ReadonlyMap<string, string | undefined> => {
  const { spec } = find(all, 'Deployment', 'serving/promoter') as Workload;
  return new Map((spec.template.spec.containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
};

describe('drift starts DAGs', () => {
  const composition = composed(on(600));
  const all = manifestsOf<Manifest>(composition);

  test('makes a tree without mistakes', () => {
    expect(checkTree(composition.app)).toEqual([]);
  });

  test('the path goes from Alertmanager to the promoter and from there to Airflow, open at both ends', () => {
    expect(networkPaths(all, 'monitoring/alertmanager', 'egress')).toContain('serving/promoter:8080');
    expect(networkPaths(all, 'serving/promoter', 'ingress')).toContain('monitoring/alertmanager:8080');
    expect(networkPaths(all, 'serving/promoter', 'egress')).toContain('airflow/airflow-api-server:8080');
    expect(networkPaths(all, 'airflow/airflow-api-server', 'ingress')).toContain('serving/promoter:8080');
  });

  test('Alertmanager tells of drift alone, a message for each model, with a token', () => {
    const { route, receivers } = configOf(all);
    expect(route.routes).toEqual([
      {
        receiver: 'plinth/retraining',
        matchers: ['alertname =~ "PredictionDrift|PredictionQuality"'],
        group_by: ['team', 'model'],
        group_wait: '10s',
        group_interval: '1m',
        repeat_interval: '3600s',
        continue: true,
      },
    ]);
    expect(receivers.find(({ name }) => name === 'plinth/retraining')?.webhook_configs).toEqual([
      {
        url: 'http://promoter.serving.svc.cluster.local:8080/webhooks/alerts',
        send_resolved: true,
        http_config: {
          authorization: {
            type: 'Bearer',
            credentials_file: '/etc/plinth/handlers/retraining/token',
          },
          follow_redirects: false,
        },
      },
    ]);
    const { spec } = find(all, 'StatefulSet', 'monitoring/alertmanager') as Workload;
    expect(spec.template.spec.containers[0]?.volumeMounts.map(({ mountPath }) => mountPath)).toContain(
      '/etc/plinth/handlers/retraining',
    );
  });

  test('both ends have the same token, each in a Secret of its own namespace', () => {
    const values = composition.app.node
      .findAll()
      .filter(SecretRequest.isSecretRequest)
      .map(({ request }) => request)
      .filter(({ name }) => ['promoter-alerts', 'alertmanager-retraining'].includes(name));
    expect(values.map(({ namespace, name }) => `${namespace}/${name}`).sort()).toEqual([
      'monitoring/alertmanager-retraining',
      'serving/promoter-alerts',
    ]);
    expect(values[0]?.values).toEqual(values[1]?.values);
    expect(values[0]?.values['token']).toMatchObject({ kind: 'derived', identity: { role: 'alerts' } });
  });

  test('the promoter is told where DAGs run, and how often a model may be retrained', () => {
    const env = envOf(all);
    expect(env.get('AIRFLOW_URL')).toBe('http://airflow-api-server.airflow.svc.cluster.local:8080');
    expect(env.get('RETRAIN_PERIOD_SECONDS')).toBe('36000');
    expect([...env.keys()]).toContain('ALERT_TOKEN');
  });

  test('what had to wait is told again when its time has come', () => {
    const { route } = configOf(manifestsOf<Manifest>(composed(on(10))));
    expect(route.routes).toMatchObject([{ repeat_interval: '600s' }]);
  });
});

test('without it Alertmanager tells the promoter nothing, and no path is open', () => {
  const all = manifestsOf<Manifest>(composed({ predictionLog: { kind: 'on' }, promoter: { kind: 'on' } }));
  expect(configOf(all).route.routes).toEqual([]);
  expect(networkPaths(all, 'monitoring/alertmanager', 'egress')).not.toContain('serving/promoter:8080');
  expect(networkPaths(all, 'serving/promoter', 'egress')).not.toContain('airflow/airflow-api-server:8080');
  expect([...envOf(all).keys()]).not.toContain('ALERT_TOKEN');
});

test.each([
  ['airflow', /airflow\.kind: got 'off', expected 'on', because promoter\.retrain needs DAGs/],
  [
    'predictionLog',
    /predictionLog\.kind: got 'off', expected 'on', because promoter\.retrain needs somebody/,
  ],
] as const)('it needs %s, and says so', (part, mistake) => {
  expect(mistakesOf({ [part]: { kind: 'off' } })).toContainEqual(expect.stringMatching(mistake));
});
