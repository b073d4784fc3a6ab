import { parse } from 'yaml';
import { environments } from '../../environments/index.ts';
import { type Composition, compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly {
    readonly resources?: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

const local = environments['local'];

/** The lab with everything of monitoring, and everything that has alerts, switched on, and what a test changes. */
export const monitored = (change: Partial<EnvironmentInput> = {}): Composition =>
  compose(
    parseEnvironment('monitored', {
      ...local,
      monitoring: { kind: 'on', nodeCidr: '10.204.0.0/24' },
      airflow: { kind: 'on', dags: { kind: 'examples' } },
      serving: { kind: 'mlserver' },
      promoter: { kind: 'on' },
      predictionLog: { kind: 'on' },
      spark: { kind: 'on' },
      notebooks: { kind: 'on' },
      grafana: { kind: 'off' },
      ...change,
    }),
  );

/** Nobody signs people in, so what needs it is off as well. */
export const unsigned = {
  identity: { kind: 'off' },
  airflow: { kind: 'off' },
  serving: { kind: 'off' },
  promoter: { kind: 'off' },
  predictionLog: { kind: 'off' },
  spark: { kind: 'off' },
  notebooks: { kind: 'off' },
  grafana: { kind: 'off' },
  portal: { kind: 'off' },
} as const satisfies Partial<EnvironmentInput>;

/** A file of a ConfigMap in namespace `monitoring`, as text. */
export const fileOf = (manifests: readonly Manifest[], name: string): string => {
  const maps = manifests.filter(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.namespace === 'monitoring',
  );
  const found = maps.map(({ data }) => data?.[name]).find((text) => text !== undefined);
  if (found === undefined) throw new Error(`no ConfigMap in namespace monitoring has ${name}`);
  return found;
};

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The rules of rules.yml, in order. */
export const rulesOf = (manifests: readonly Manifest[]): readonly Rule[] =>
  (parse(fileOf(manifests, 'rules.yml')) as { groups: readonly { rules: readonly Rule[] }[] }).groups.flatMap(
    ({ rules }) => rules,
  );
