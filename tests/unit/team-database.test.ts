import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { find, manifestsOf } from '../support/manifests.ts';
import { environmentError } from '../support/mistakes.ts';

interface Variable {
  readonly name: string;
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: { readonly egress: readonly { readonly ports: readonly { readonly port: number }[] }[] };
}

const team = { name: 'team-a', database: true };
const input = (change: Partial<EnvironmentInput> = {}): EnvironmentInput =>
  ({
    ...environments['local'],
    grafana: { kind: 'off' },
    teams: [team, { name: 'team-b' }],
    ...change,
  }) as never;
const all = manifestsOf<Manifest>(compose(parseEnvironment('local', input())));

/** What a team's tasks are given of PostgreSQL: variable to key of a Secret. */
const loginOf = (name: string): Readonly<Record<string, string>> => {
  const files = find(all, 'ConfigMap', 'airflow/airflow-files').data ?? {};
  const { spec } = JSON.parse(files[`task-${name}.json`] ?? '') as {
    readonly spec: { readonly containers: readonly { readonly env: readonly Variable[] }[] };
  };
  return Object.fromEntries(
    (spec.containers[0]?.env ?? [])
      .filter((each) => each.name.startsWith('PG') && each.valueFrom !== undefined)
      .map(({ name: variable, valueFrom }) => [
        variable,
        `${valueFrom?.secretKeyRef?.name}/${valueFrom?.secretKeyRef?.key}`,
      ]),
  );
};

const mistakesIn = (change: Partial<EnvironmentInput>): readonly string[] =>
  environmentError('local', input(change))?.mistakes.map(({ path }) => path) ?? [];

describe("a team's database", () => {
  test('comes with its login in DAG tasks and notebooks, and with the path for all that the team runs', () => {
    expect(loginOf('team-a')).toEqual({
      PGHOST: 'team-a-database/host',
      PGPORT: 'team-a-database/port',
      PGDATABASE: 'team-a-database/database',
      PGUSER: 'team-a-database/username',
      PGPASSWORD: 'team-a-database/password',
    });
    const hub = JSON.stringify(all.filter(({ metadata }) => metadata.namespace === 'jupyterhub'));
    expect(hub).toContain('team-a-database');
    const egress = (name: string) =>
      find(all, 'NetworkPolicy', `${name}/team`).spec.egress.flatMap(({ ports }) =>
        ports.map(({ port }) => port),
      );
    expect(egress('team-a')).toContain(5432);
    expect(egress('team-b')).not.toContain(5432);
  });

  test("is nobody else's: a team that has none is given nothing of it", () => {
    expect(loginOf('team-b')).toEqual({});
    const others = all.filter(({ metadata }) => metadata.namespace === 'team-b');
    expect(JSON.stringify(others)).not.toContain('team-a-database');
  });

  test("needs a server that the team's pods can check", () => {
    const external = { kind: 'external', host: 'pg.example.com', cidr: '192.0.2.0/28' } as const;
    expect(mistakesIn({ postgres: external })).toEqual([]);
    expect(mistakesIn({ postgres: { ...external, authoritySecret: 'pg-ca' } })).toEqual(['teams.0.database']);
    expect(mistakesIn({ postgres: { kind: 'off' } })).toContain('teams.0.database');
  });
});
