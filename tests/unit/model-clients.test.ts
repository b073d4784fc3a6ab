import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { find, manifestsOf } from '../support/manifests.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: { readonly egress: readonly object[] };
}

const composed = (change: Partial<EnvironmentInput> = {}): readonly Manifest[] =>
  manifestsOf<Manifest>(compose(parseEnvironment('clients', { ...environments['local'], ...change })));

/** Every text of the platform from which somebody makes pods of team-a, by what these are. */
const templates = (all: readonly Manifest[]): Readonly<Record<string, string>> => {
  const text = (path: string): string => JSON.stringify(find(all, 'ConfigMap', path).data);
  const holding = (namespace: string, what: string): string => {
    const found = all.find(
      ({ kind, metadata, data }) =>
        kind === 'ConfigMap' && metadata.namespace === namespace && JSON.stringify(data).includes(what),
    );
    return JSON.stringify(found?.data);
  };
  return {
    notebooks: holding('jupyterhub', 'PLINTH_TEAM'),
    'DAG tasks': holding('airflow', 'AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER'),
    'Spark drivers': text('team-a/spark-templates'),
  };
};

const named = /https:\/\/(models|predictions)\.plinth\.localhost/g;

test.each(['notebooks', 'DAG tasks', 'Spark drivers'])(
  '%s know where models answer and where their labels go',
  (who) => {
    const found = templates(composed())[who] ?? '';
    expect([...new Set(found.match(named))].sort()).toEqual([
      'https://models.plinth.localhost',
      'https://predictions.plinth.localhost',
    ]);
    expect(found).toContain('PLINTH_MODELS_URL');
    expect(found).toContain('PLINTH_PREDICTIONS_URL');
  },
);

test('a driver of an application has what tokens of its team are made with', () => {
  const found = templates(composed())['Spark drivers'] ?? '';
  expect(found).toContain('PLINTH_OIDC_FOLDER');
  expect(found).toContain('team-a-oidc');
});

test('without a log nobody is told of one', () => {
  for (const text of Object.values(
    templates(composed({ predictionLog: { kind: 'off' }, promoter: { kind: 'on' } })),
  )) {
    expect(text).toContain('PLINTH_MODELS_URL');
    expect(text).not.toContain('PLINTH_PREDICTIONS_URL');
  }
});

test('without a gateway, models are asked at their Service, and the path is open', () => {
  const off = { kind: 'off' } as const;
  const all = composed({
    ...{
      gateway: off,
      registry: off,
      airflow: off,
      notebooks: off,
      grafana: off,
      monitoring: off,
      promoter: off,
      portal: off,
    },
    identity: { kind: 'external', issuer: 'https://sso.example.com/realms/ml', cidr: '10.9.0.0/28' },
    spark: { kind: 'on', history: false },
  });
  const drivers = JSON.stringify(find(all, 'ConfigMap', 'team-a/spark-templates').data);
  expect(drivers).toContain('http://inference-gateway.serving.svc.cluster.local:8080');
  const { egress } = find(all, 'NetworkPolicy', 'team-a/team').spec;
  expect(JSON.stringify(egress)).toContain('inference-gateway');
});
