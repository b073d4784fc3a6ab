import { environments } from '../../environments/index.ts';
import { ended, Member } from './airflow.ts';
import { ask } from './http.ts';
import { registry } from './registry.ts';
import { Session } from './session.ts';
import { teamToken } from './sign-in.ts';
import { credentials, endpoint, eventually, secretValue } from './support.ts';

jest.setTimeout(20 * 60_000);

const team = 'team-a';
const dag = 'team-a.retrain';
// A model is retrained once in a while only: another run of the tests has another model.
const model = `lab-retraining-${Date.now().toString(36)}`;

/** Alertmanager's own API, as an administrator of the platform. */
const alertmanager = async (query: string, json?: object): Promise<string> => {
  const { url } = endpoint('alertmanager');
  const administrator = new Session();
  await administrator.signIn(`${url}/-/healthy`, credentials('id-platform-admin'));
  const page = await administrator.ask(`${url}/api/v2/alerts${query}`, json === undefined ? {} : { json });
  if (page.status !== 200) throw new Error(`alerts: ${page.status} ${page.body}`);
  return page.body;
};

const labelsOf = (field: string) => ({
  ...{ alertname: 'PredictionDrift', job: 'prediction-log', namespace: 'serving', severity: 'warning' },
  ...{ team, model, version: '1', field },
});

interface Told {
  readonly fingerprint: string;
  readonly startsAt: string;
  readonly labels: Readonly<Record<string, string>>;
}

const began = new Date();

/** As Prometheus does, with the same start each time. */
const fire = (fields: readonly string[], endsAt = new Date(Date.now() + 3600_000)): Promise<string> =>
  alertmanager(
    '',
    fields.map((field) => ({ labels: labelsOf(field), startsAt: began, endsAt })),
  );

const firing = async (): Promise<readonly Told[]> => {
  const filter = encodeURIComponent(`model="${model}"`);
  return JSON.parse(await alertmanager(`?filter=${filter}`)) as Told[];
};

interface History {
  readonly retrainings: readonly { readonly dag: string; readonly run: string; readonly state: string }[];
  readonly decisions: readonly { readonly detail: { readonly result: string; readonly reason: string } }[];
}

const history = async (of = team): Promise<History> => {
  const { status, body } = await ask(`${endpoint('promoter').url}/models/${model}/retrainings`, {
    headers: { authorization: `Bearer ${await teamToken(of)}` },
  });
  if (status !== 200) throw new Error(`${status} ${body}`);
  return JSON.parse(body) as History;
};

/** What Alertmanager sends, from elsewhere. */
const tell = async (
  message: object,
  token: string | undefined,
): Promise<{ readonly status: number; readonly result: string | undefined }> => {
  const { status, body } = await ask(`${endpoint('promoter').url}/webhooks/alerts`, {
    json: message,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  return { status, result: (JSON.parse(body) as { result?: string }).result };
};
const messageOf = (...alerts: readonly Told[]) => ({
  version: '4',
  alerts: alerts.map((alert) => ({ ...alert, status: 'firing' })),
});

const promoter = environments['local']?.promoter;
const on = promoter?.kind === 'on' && promoter.retrain?.kind === 'on';

(on ? describe : describe.skip)('drift of a model', () => {
  const member = new Member('scientist-a');
  let run = '';

  const runs = async () => {
    const { body } = await member.ask<{
      dag_runs: readonly { dag_run_id: string; conf: { model?: string; fields?: readonly string[] } }[];
    }>(`/dags/${dag}/dagRuns?order_by=-run_after&limit=50`);
    return body.dag_runs.filter(({ conf }) => conf.model === model);
  };

  beforeAll(async () => {
    const tags = [{ key: 'plinth.retrain.dag', value: dag }];
    await registry(team, 'POST', 'registered-models/create', { name: model, tags });
  });
  afterAll(async () => {
    await fire(['distance', 'carrier'], new Date());
    await registry(team, 'DELETE', 'registered-models/delete', { name: model });
  });

  test('is told by Alertmanager alone', async () => {
    const alert = { fingerprint: 'f', startsAt: began.toISOString(), labels: labelsOf('distance') };
    expect((await tell(messageOf(alert), undefined)).status).toBe(401);
    expect((await tell(messageOf(alert), 'another')).status).toBe(401);
    expect((await tell(messageOf(alert), await teamToken(team))).status).toBe(401);
    expect(await history()).toEqual({ retrainings: [], decisions: [] });
  });

  test("starts the DAG that the model names, in its team's namespace", async () => {
    await fire(['distance']);
    const { retrainings } = await eventually(
      'a run is there',
      () => history(),
      ({ retrainings: [first] }) => first?.state === 'triggered',
      300,
    );
    expect(retrainings).toMatchObject([{ dag, state: 'triggered' }]);
    run = retrainings[0]?.run ?? '';
    expect(await runs()).toMatchObject([{ dag_run_id: run, conf: { model, fields: ['distance'] } }]);
    expect(await ended(member, `/dags/${dag}/dagRuns/${encodeURIComponent(run)}`)).toBe('success');
  });

  test('told again, or of another field within the period, starts no second one', async () => {
    const token = await secretValue('serving', 'promoter-alerts', 'token');
    const [alert] = await firing();
    expect(alert?.labels['field']).toBe('distance');
    if (alert !== undefined)
      expect(await tell(messageOf(alert), token)).toEqual({ status: 200, result: 'repeated' });
    await fire(['distance', 'carrier']);
    const { decisions, retrainings } = await eventually(
      'it is limited',
      () => history(),
      ({ decisions: [newest] }) => newest?.detail.result === 'limited',
      300,
    );
    expect(decisions[0]?.detail.reason).toMatch(/retrained lately; again from/);
    expect(retrainings).toHaveLength(1);
    expect((await runs()).map(({ dag_run_id: id }) => id)).toEqual([run]);
  });

  test("is nobody else's: another team can't name the model, nor see what came of it", async () => {
    const token = await secretValue('serving', 'promoter-alerts', 'token');
    const labels = { ...labelsOf('distance'), team: 'team-b' };
    const alert = { fingerprint: 'f', startsAt: began.toISOString(), labels };
    expect((await tell(messageOf(alert), token)).status).toBe(404);
    expect((await tell({ version: '4', alerts: [] }, token)).status).toBe(400);
    expect(await history('team-b')).toEqual({ retrainings: [], decisions: [] });
  });
});
