import type { Account } from './issuer.ts';

/** What the fakes of the services with people's tokens know; each shows an account what is its teams'. */
export const sees = ({ groups }: Account, team: string): boolean =>
  groups.includes(team) || groups.includes('platform-admins');

export const served = () => [
  {
    name: 'delays',
    team: 'team-a',
    serving: '3',
    traffic: [
      { version: '3', weight: 90, mirror: false },
      { version: '4', weight: 10, mirror: false },
    ],
    rollout: {
      ...{ id: 'r1', version: '4', runId: 'abc', requestedBy: 'alias', stable: '3', phase: 'step', step: 1 },
      ...{ since: null, outcome: null, reason: null, createdAt: new Date().toISOString(), finishedAt: null },
      steps: [
        { kind: 'shadow', seconds: 60 },
        { kind: 'canary', weight: 10, seconds: 60 },
        { kind: 'approval' },
      ],
    },
  },
  {
    name: 'churn',
    team: 'team-a',
    serving: '7',
    traffic: [{ version: '7', weight: 100, mirror: false }],
    rollout: null,
  },
  {
    name: 'fraud-of-b',
    team: 'team-b',
    serving: '1',
    traffic: [{ version: '1', weight: 100, mirror: false }],
    rollout: null,
  },
];

export const registered: Readonly<Record<string, object[]>> = {
  'team-a': [
    model('delays', ['3', '4'], '4'),
    model('churn', ['7', '8'], '7'),
    model('weather <experimental>', ['1'], undefined),
  ],
  'team-b': [model('fraud-of-b', ['1'], '1')],
};

function model(name: string, versions: readonly string[], champion: string | undefined): object {
  return {
    name,
    latest_versions: versions.map((version) => ({ version, current_stage: 'None' })),
    ...(champion === undefined ? {} : { aliases: [{ alias: 'champion', version: champion }] }),
  };
}

const teamOf = { delays: 'team-a', churn: 'team-a', 'fraud-of-b': 'team-b' } as const;
const values = {
  rate: { delays: 21.4, churn: 0.53, 'fraud-of-b': 4 },
  errors: { delays: 0, churn: 0.0312, 'fraud-of-b': 0 },
  latency: { delays: 0.0427, churn: 0.184, 'fraud-of-b': 0.9 },
  watched: { delays: 500, churn: 500, 'fraud-of-b': 500 },
} as const;
/** By team where that is asked for, as Prometheus has it. */
const labelsOf = (query: string, name: keyof typeof teamOf): object => ({
  ...(/by \([^)]*team/.test(query) ? { team: teamOf[name] } : {}),
  model: name,
});
const models = Object.keys(teamOf) as (keyof typeof teamOf)[];

/** Which of the portal's questions a query is. */
const kindOf = (query: string): keyof typeof values | 'drifted' => {
  if (query.includes('ALERTS')) return 'drifted';
  if (query.includes('drift_window')) return 'watched';
  if (query.includes('histogram_quantile')) return 'latency';
  return query.includes('5..') ? 'errors' : 'rate';
};

/** As prom-label-proxy answers: series of the account's teams only. */
export const instant = (account: Account, query: string): object => {
  const kind = kindOf(query);
  const own = models.filter((name) => sees(account, teamOf[name]));
  const result =
    kind === 'drifted'
      ? own
          .filter((name) => name === 'churn')
          .flatMap((name) =>
            ['tenure', 'monthly_fee'].map((field) => ({
              metric: { ...labelsOf(query, name), field },
              value: [0, '1'],
            })),
          )
      : own.map((name) => ({
          metric: labelsOf(query, name),
          value: [0, String(values[kind][name])],
        }));
  return { status: 'success', data: { resultType: 'vector', result } };
};

export const range = (account: Account, form: URLSearchParams): object => {
  const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(form.get(name)));
  const query = form.get('query') ?? '';
  const kind = kindOf(query) === 'latency' ? 'latency' : 'rate';
  const lines = [
    ['delays', '3', 0.9],
    ['delays', '4', 0.1],
    ['churn', '7', 1],
    ['fraud-of-b', '1', 1],
  ] as const;
  const result = lines
    .filter(([name]) => sees(account, teamOf[name]))
    .map(([name, version, share]) => {
      const points: [number, string][] = [];
      for (let time = start ?? 0; time <= (end ?? 0); time += step ?? 30)
        if (version !== '4' || time > (start ?? 0) + 900) {
          const wave = 1 + 0.2 * Math.sin(time / 200) + 0.08 * Math.sin(time / 37);
          points.push([time, String(values[kind][name] * (kind === 'rate' ? share : 1) * wave)]);
        }
      return { metric: { ...labelsOf(query, name), version }, values: points };
    });
  return { status: 'success', data: { resultType: 'matrix', result } };
};

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

export const dagRuns = (account: Account): object => {
  const run = (dag: string, state: string, kind: string, begun: number, took: number | undefined) => ({
    dag_id: dag,
    dag_run_id: `${kind}__${minutesAgo(begun)}`,
    state,
    run_type: kind,
    start_date: state === 'queued' ? null : minutesAgo(begun),
    end_date: took === undefined ? null : minutesAgo(begun - took),
    conf: {},
  });
  const all = [
    run('team-a.delays', 'running', 'manual', 3, undefined),
    run('team-a.retrain', 'queued', 'asset_triggered', 1, undefined),
    run('team-a.delays', 'success', 'scheduled', 64, 12),
    run('team-a.hello', 'failed', 'scheduled', 125, 2),
    run('team-b.secret-plan', 'success', 'manual', 80, 5),
  ];
  return {
    dag_runs: all.filter(({ dag_id }) => sees(account, dag_id.split('.')[0] ?? '')),
    total_entries: all.length,
  };
};

export const hubUser = (person: string): object | undefined => {
  const server = (name: string, ready: boolean) => ({
    name,
    ready,
    pending: ready ? null : 'spawn',
    stopped: false,
    url: `/user/${person}/${name === '' ? '' : `${name}/`}`,
    started: minutesAgo(95),
    last_activity: minutesAgo(2),
    user_options: { profile: person.replace('scientist', 'team'), size: name === '' ? 'small' : 'large' },
    state: {},
  });
  if (!person.startsWith('scientist-')) return undefined;
  return {
    name: person,
    kind: 'user',
    servers: { '': server('', true), training: server('training', false) },
  };
};
