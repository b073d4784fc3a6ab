import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { type FastifyInstance, fastify } from 'fastify';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { Airflow } from '../src/retrain/airflow.ts';
import { Retrainer } from '../src/retrain/retrainer.ts';
import { RetrainStore } from '../src/retrain/store.ts';
import { retrainApi } from '../src/retrain/web.ts';
import { readSettings } from '../src/settings.ts';
import { Database } from '../src/store/database.ts';
import { migrate } from '../src/store/migrate.ts';
import { StubAirflow } from './support/airflow.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

const token = 'what-alertmanager-has';
const period = 6 * 3600_000;
const began = '2026-11-29T10:00:00.123456789Z';

interface Alert {
  readonly field?: string;
  readonly version?: string;
  readonly model?: string | undefined;
  readonly team?: string;
  readonly status?: string;
  readonly startsAt?: string;
}

/** A message of Alertmanager's webhook, as version 0.31 writes it. */
const message = (...alerts: readonly Alert[]) => ({
  version: '4',
  groupKey: '{}/{alertname=~"Prediction.*"}:{model="delays", team="team-a"}',
  status: 'firing',
  receiver: 'promoter',
  truncatedAlerts: 0,
  alerts: alerts.map(({ field = 'distance', model = 'delays', team = 'team-a', ...alert }) => ({
    status: alert.status ?? 'firing',
    labels: {
      ...{ alertname: 'PredictionDrift', job: 'prediction-log', team, model, field },
      version: alert.version ?? '3',
    },
    annotations: {},
    startsAt: alert.startsAt ?? began,
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: '',
    fingerprint: `${team}/${model}/${field}`,
  })),
});

const models: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  delays: { 'plinth.retrain.dag': 'team-a.delays-retrain', other: 'tag' },
  untagged: {},
  stolen: { 'plinth.retrain.dag': 'team-b.retrain' },
  misspelt: { 'plinth.retrain.dag': 'team-a.no-such-dag' },
  resting: { 'plinth.retrain.dag': 'team-a.paused' },
  left: { 'plinth.retrain.dag': 'team-a.removed' },
};
const dags = ['team-a.delays-retrain', 'team-a.paused', 'team-a.removed', 'team-b.retrain'] as const;

test('whoever hears of alerts must know what Alertmanager proves itself with', () => {
  assert.throws(() => readSettings({ AIRFLOW_URL: 'http://airflow' }), /ALERT_TOKEN/);
});

describe('alerts of drift', () => {
  let server: TestPostgres;
  let url: string;
  let airflow: StubAirflow;
  let app: FastifyInstance;
  let database: Database;
  let metrics: Registry;
  let time: number;
  let renewed: number;
  /** Versions that the promoter has deployed. */
  let serving: Readonly<Record<string, readonly string[]>>;

  /** A process, from its start; what it remembered before is in the database. */
  const start = async (): Promise<void> => {
    database = new Database(url);
    const store = new RetrainStore(database);
    metrics = new Registry();
    const tokens = {
      token: async () => 'issued',
      renew: () => {
        renewed += 1;
      },
    };
    const retrainer = new Retrainer({
      ...{ store, metrics, period, logger: pino({ level: 'silent' }), now: () => time },
      pipelines: new Airflow({ url: airflowUrl, tokens }),
      tags: async (team, model) => {
        if (model === 'registry-away') throw new Error('MLflow does not answer');
        return team === 'team-a' ? models[model] : undefined;
      },
      serving: async (_, model) => serving[model],
      teams: new Set(['team-a', 'team-b']),
    });
    app = fastify({ bodyLimit: 16 * 1024 });
    const groups = { ada: ['team-a'], bob: ['team-b'], root: ['platform-admins'] } as const;
    retrainApi(app, {
      ...{ retrainer, store, token, adminGroup: 'platform-admins' },
      tokens: {
        caller: async (authorization) => {
          const name = authorization?.split(' ')[1] as keyof typeof groups;
          return { name, groups: new Set<string>(groups[name]) };
        },
      },
    });
  };
  const stop = async (): Promise<void> => {
    await app.close();
    await database.close();
  };
  const restart = async (): Promise<void> => {
    await stop();
    await start();
  };

  let airflowUrl: string;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());
  beforeEach(async () => {
    serving = {};
    [time, renewed] = [Date.parse('2026-11-29T10:05:00Z'), 0];
    airflow = new StubAirflow(...dags);
    airflow.paused.add('team-a.paused');
    airflow.stale.add('team-a.removed');
    airflowUrl = await airflow.start();
    url = await server.database();
    await migrate(url);
    await start();
  });
  afterEach(async () => {
    await stop();
    await airflow.stop();
  });

  const send = async (payload: object | string, authorization: string | undefined = `Bearer ${token}`) => {
    const answer = await app.inject({
      ...{ method: 'POST', url: '/webhooks/alerts', payload },
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
    });
    return { status: answer.statusCode, body: answer.json<Record<string, string>>() };
  };
  const decided = async (...alerts: readonly Alert[]): Promise<readonly [number, string | undefined]> => {
    const { status, body } = await send(message(...alerts));
    return [status, body['result']];
  };
  const runs = (dag: (typeof dags)[number] = 'team-a.delays-retrain') => airflow.runs.get(dag) ?? [];
  const counted = async (result: string, model = 'delays'): Promise<number> => {
    const found = await metrics.getSingleMetric('plinth_promoter_retrain_decisions_total')?.get();
    return (
      found?.values.find(({ labels }) => labels['result'] === result && labels['model'] === model)?.value ?? 0
    );
  };

  test("become a run of the DAG that the model's tag names, which is told what moved", async () => {
    assert.deepEqual(await decided({ field: 'distance' }, { field: 'carrier' }), [200, 'triggered']);
    assert.equal(runs().length, 1);
    assert.deepEqual(runs()[0]?.conf, {
      ...{ reason: 'PredictionDrift', model: 'delays', versions: ['3'], fields: ['carrier', 'distance'] },
      since: '2026-11-29T10:00:00.123Z',
    });
    assert.equal(await counted('triggered'), 1);
  });

  test('told again change nothing, after the period and a restart too', async () => {
    await decided({});
    assert.deepEqual(await decided({}), [200, 'repeated']);
    await restart();
    time += 2 * period;
    for (const run of runs()) run.state = 'success';
    assert.deepEqual(await decided({}), [200, 'repeated']);
    assert.equal(runs().length, 1);
    assert.equal(await counted('repeated'), 1);
  });

  test('of another field wait until the period is over, whatever restarts in between', async () => {
    await decided({});
    for (const run of runs()) run.state = 'success';
    assert.deepEqual(await decided({}, { field: 'carrier' }), [200, 'limited']);
    await restart();
    time += period - 1000;
    assert.deepEqual(await decided({}, { field: 'carrier' }), [200, 'limited']);
    time += 1000;
    assert.deepEqual(await decided({}, { field: 'carrier' }), [200, 'triggered']);
    assert.equal(runs().length, 2);
  });

  test('that began anew are new ones', async () => {
    await decided({});
    for (const run of runs()) run.state = 'success';
    time += period;
    assert.deepEqual(await decided({ startsAt: '2026-11-29T15:00:00Z' }), [200, 'triggered']);
    assert.equal(runs().length, 2);
  });

  test('of versions that no longer serve start nothing, and leave out nothing of one that does', async () => {
    serving = { delays: ['4', '5'] };
    const { status, body } = await send(message({ version: '3' }));
    assert.deepEqual([status, body['result']], [200, 'ignored']);
    assert.match(body['reason'] ?? '', /version 3 doesn't serve any more/);
    assert.deepEqual(await decided({ version: '3' }, { version: '4', field: 'carrier' }), [200, 'triggered']);
    assert.deepEqual(runs()[0]?.conf, {
      ...{ reason: 'PredictionDrift', model: 'delays', versions: ['4'], fields: ['carrier'] },
      since: '2026-11-29T10:00:00.123Z',
    });
  });

  test('wait while a run is under way, whoever wanted it', async () => {
    runs().push({ dag_run_id: 'by hand', conf: {}, state: 'running' });
    assert.deepEqual(await decided({}), [200, 'limited']);
    for (const run of runs()) run.state = 'failed';
    assert.deepEqual(await decided({}), [200, 'triggered']);
  });

  test('of two models have their own periods', async () => {
    await decided({});
    assert.deepEqual(await decided({ model: 'resting' }), [200, 'refused']);
    airflow.paused.clear();
    assert.deepEqual(await decided({ model: 'resting' }), [200, 'triggered']);
  });

  test('have one run where Airflow took it and the process was killed before it knew', async () => {
    airflow.silent = true;
    assert.deepEqual(await decided({}), [503, 'failed']);
    assert.equal(runs().length, 1);
    await restart();
    assert.deepEqual(await decided({}, { field: 'carrier' }), [200, 'triggered']);
    assert.equal(runs().length, 1);
    assert.deepEqual(await decided({ field: 'carrier' }), [200, 'repeated']);
  });

  test('are told again while something is away, and then have their run', async () => {
    airflow.failing = 503;
    assert.deepEqual(await decided({}), [503, 'failed']);
    airflow.failing = 401;
    assert.deepEqual(await decided({}), [503, 'failed']);
    assert.equal(renewed, 1);
    airflow.failing = undefined;
    assert.deepEqual(await decided({ model: 'registry-away' }), [503, 'failed']);
    assert.deepEqual(await decided({}), [200, 'triggered']);
    assert.equal(await counted('failed'), 2);
  });

  test('that come at once have one run', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => decided({})));
    assert.equal(all.filter(([, result]) => result === 'triggered').length, 1);
    assert.equal(runs().length, 1);
  });

  for (const [title, model, result] of [
    ['of a model that names no DAG', 'untagged', 'ignored'],
    ["of a model that names another team's DAG", 'stolen', 'refused'],
    ['of a model that names no DAG of its team', 'misspelt', 'refused'],
    ['of a model whose DAG is paused', 'resting', 'refused'],
    ['of a model whose DAG was removed', 'left', 'refused'],
  ] as const)
    test(`${title} are ${result}`, async () => {
      const { status, body } = await send(message({ model }));
      assert.deepEqual([status, body['result']], [200, result]);
      assert.match(body['reason'] ?? '', /DAG|plinth\.retrain\.dag/);
      for (const dag of dags) assert.deepEqual(runs(dag), []);
      assert.equal(await counted(result, model), 1);
    });

  test('that have resolved cause nothing', async () => {
    assert.deepEqual(await decided({ status: 'resolved' }), [200, 'ignored']);
    assert.deepEqual(await decided({ status: 'resolved', model: 'gone' }), [200, 'ignored']);
    assert.deepEqual(runs(), []);
  });

  const unnamed = message({});
  for (const [title, payload, status, result] of [
    ['about an unknown model', message({ model: 'nothing' }), 404, 'unknown'],
    ["about another team's model", message({ team: 'team-b' }), 404, 'unknown'],
    ['about no team of the platform', message({ team: 'team-z' }), 404, 'unknown'],
    ['about two models', message({}, { model: 'untagged' }), 400, 'malformed'],
    ['about no model', { ...unnamed, alerts: [{ ...unnamed.alerts[0], labels: {} }] }, 400, 'malformed'],
    ['about nothing', message(), 400, 'malformed'],
    ['that is no JSON', '{"alerts":', 400, 'malformed'],
    ['that is huge', { ...unnamed, filler: 'x'.repeat(1024 * 1024) }, 413, 'malformed'],
  ] as const)
    test(`a message ${title} answers ${status}, has no effect and is counted`, async () => {
      assert.equal((await send(payload)).status, status);
      assert.deepEqual(runs(), []);
      assert.equal(await counted(result, ''), 1);
    });

  test('a message without the token, or with another, answers 401 before it is read', async () => {
    for (const given of ['', 'Bearer', 'Bearer another', `Basic ${token}`, token, `Bearer ${token}x`])
      assert.equal((await send('{"alerts":', given)).status, 401, given);
    assert.deepEqual(airflow.asked, []);
    assert.equal(await counted('unauthorized', ''), 6);
  });

  test("are in the audit with their reason, which a team's members and administrators read", async () => {
    await decided({});
    await decided({}, { field: 'carrier' });
    const seen = async (who: string) => {
      const headers = { authorization: `Bearer ${who}` };
      const answer = await app.inject({ url: '/models/delays/retrainings', headers });
      return answer.json<{
        retrainings: readonly { dag: string; state: string; run: string }[];
        decisions: readonly { detail: { result: string; reason: string } }[];
      }>();
    };
    for (const who of ['ada', 'root']) {
      const { retrainings, decisions } = await seen(who);
      assert.deepEqual(
        retrainings.map(({ dag, state, run }) => [dag, state, run]),
        [['team-a.delays-retrain', 'triggered', runs()[0]?.dag_run_id]],
      );
      assert.deepEqual(
        decisions.map(({ detail: { result } }) => result),
        ['limited', 'triggered'],
      );
      assert.match(decisions[0]?.detail.reason ?? '', /again from 2026-11-29T16:05:00/);
    }
    assert.deepEqual(await seen('bob'), { retrainings: [], decisions: [] });
  });
});
