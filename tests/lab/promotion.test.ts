import { setTimeout as pause } from 'node:timers/promises';
import { environments } from '../../environments/index.ts';
import { ask } from './http.ts';
import { registry } from './registry.ts';
import { machineToken } from './sign-in.ts';
import { client, endpoint, eventually, kubectl, kubectlJson, secretValue } from './support.ts';

// Three versions are deployed one after the other, each minutes on a machine that does other things too.
jest.setTimeout(30 * 60_000);

const name = 'lab-promotion';
const team = 'team-a';

const token = async (of = team): Promise<string> =>
  machineToken('https://id.plinth.localhost/realms/plinth', {
    clientId: await secretValue(of, `${of}-oidc`, 'clientId'),
    clientSecret: await secretValue(of, `${of}-oidc`, 'clientSecret'),
  });

const setChampion = (version: number): Promise<unknown> =>
  registry(team, 'POST', 'registered-models/alias', { name, alias: 'champion', version: String(version) });

interface Rollout {
  readonly version: string;
  readonly phase: string;
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

interface Story {
  readonly model: { readonly serving: string | null; readonly rollout: Rollout | null };
  readonly rollouts: readonly Rollout[];
  readonly audit: readonly {
    readonly at: string;
    readonly event: string;
    readonly actor: string;
    readonly detail: Readonly<Record<string, unknown>>;
  }[];
}

const story = async (): Promise<Story> => {
  const answer = await ask(`${endpoint('promoter').url}/models/${name}/rollouts`, {
    headers: { authorization: `Bearer ${await token()}` },
  });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
  return JSON.parse(answer.body) as Story;
};

/** Until the newest rollout is of this version and over. */
const over = (version: number): Promise<Story> =>
  eventually(
    `the rollout of version ${version} is over`,
    story,
    ({ rollouts }) => rollouts[0]?.version === String(version) && rollouts[0].phase === 'done',
    900,
  );

const input = {
  inputs: [
    { name: 'distance', shape: [1, 1], datatype: 'FP64', data: [500] },
    { name: 'hour', shape: [1, 1], datatype: 'FP64', data: [12] },
  ],
};

const predict = async (bearer: string): Promise<{ readonly status: number; readonly value: number }> => {
  const answer = await ask(`${endpoint('models').url}/v2/models/${name}/infer`, {
    json: input,
    headers: { authorization: `Bearer ${bearer}` },
  });
  if (answer.status !== 200) return { status: answer.status, value: Number.NaN };
  const { outputs } = JSON.parse(answer.body) as { outputs: { data: number[] }[] };
  return { status: 200, value: Math.round(outputs[0]?.data[0] ?? Number.NaN) };
};

/** A client that asks ten times a second, all the time; resolves to what it was answered once it is told to stop. */
const asking = () => {
  const answers = new Map<string, number>();
  let stopped = false;
  const count = (what: string): void => void answers.set(what, (answers.get(what) ?? 0) + 1);
  const running = (async () => {
    let bearer = await token();
    let renewAt = performance.now() + 45_000;
    const open = new Set<Promise<void>>();
    while (!stopped) {
      if (performance.now() > renewAt) {
        bearer = await token();
        renewAt = performance.now() + 45_000;
      }
      const one = predict(bearer)
        .then(({ status, value }) => count(status === 200 ? String(value) : `status ${status}`))
        .catch((error: Error) => count(error.message))
        .finally(() => open.delete(one));
      open.add(one);
      await pause(100);
    }
    await Promise.all(open);
  })();
  return {
    async stop(): Promise<Readonly<Record<string, number>>> {
      stopped = true;
      await running;
      return Object.fromEntries(answers);
    },
  };
};

const on = environments['local']?.promoter?.kind === 'on';

(on ? describe : describe.skip)('the alias champion', () => {
  let versions: readonly number[] = [];
  beforeAll(async () => {
    versions = (JSON.parse(await client('log_candidates.py', [name])) as { versions: number[] }).versions;
  });
  afterAll(async () => {
    await registry(team, 'DELETE', 'registered-models/delete', { name });
    await eventually(
      'what is no longer registered is taken away',
      () =>
        kubectlJson<{ items: readonly unknown[] }>([
          ...['get', 'deployments', '-n', team, '-l', `plinth.dev/model=${name}`],
        ]),
      ({ items }) => items.length === 0,
      300,
    );
  });

  test('on the first version of a model deploys it, for all requests', async () => {
    const [first = 0] = versions;
    await setChampion(first);
    const { model } = await over(first);
    expect(model.serving).toBe(String(first));
    const bearer = await token();
    const answer = await eventually(
      'it answers',
      () => predict(bearer),
      ({ status }) => status === 200,
      60,
    );
    expect(answer.value).toBe(500);
  });

  test('on the next version brings it in by a shadow and a canary, though the promoter is killed on the way', async () => {
    const [, second = 0] = versions;
    const traffic = asking();
    await setChampion(second);
    await eventually('it is in a step', story, ({ model }) => model.rollout?.phase === 'step', 900);
    await kubectl([
      ...['delete', 'pods', '-n', 'serving', '-l', 'app.kubernetes.io/name=promoter'],
      ...['--grace-period=0', '--force', '--wait=false'],
    ]);
    const { model, audit } = await over(second);
    const answers = await traffic.stop();
    expect(model.serving).toBe(String(second));
    const [begun] = audit
      .map(({ event }, index) => [event, index] as const)
      .filter(([event]) => event === 'begun');
    const events = audit.slice(0, (begun?.[1] ?? 0) + 1).reverse();
    expect(events.filter(({ event }) => event === 'step').map(({ detail }) => detail['kind'])).toEqual([
      ...['shadow', 'canary'],
    ]);
    expect(Object.keys(answers).sort()).toEqual(['1000', '500']);
  });

  test('on a version that answers with errors is rolled back by itself, and no request fails', async () => {
    const [, second = 0, third = 0] = versions;
    const traffic = asking();
    await setChampion(third);
    const { model, rollouts, audit } = await over(third);
    const answers = await traffic.stop();
    expect(rollouts[0]).toMatchObject({ outcome: 'rolledBack', reason: expect.stringMatching(/failed/) });
    expect(model.serving).toBe(String(second));
    expect(Object.keys(answers)).toEqual(['1000']);
    const at = (event: string): number => Date.parse(audit.find((each) => each.event === event)?.at ?? '');
    expect((at('rollingBack') - at('ready')) / 1000).toBeLessThan(180);
    const tags = async (): Promise<readonly { key: string; value: string }[]> => {
      const found = await registry(team, 'GET', `model-versions/get?name=${name}&version=${third}`);
      return (found['model_version'] as { tags?: { key: string; value: string }[] }).tags ?? [];
    };
    await eventually('its outcome is in the registry', tags, (found) =>
      found.some(({ key, value }) => key === 'plinth.rollout' && value === 'rolledBack'),
    );
  });

  test("is nobody else's to decide about", async () => {
    const path = `${endpoint('promoter').url}/models/${name}/rollback`;
    expect((await ask(path, { json: {} })).status).toBe(401);
    const others = { authorization: `Bearer ${await token('team-b')}` };
    expect((await ask(path, { json: {}, headers: others })).status).toBe(404);
    const webhook = await ask(`${endpoint('promoter').url}/webhooks/mlflow`, { json: {} });
    expect(webhook.status).toBe(401);
  });

  test('rolled back by hand, brings back what served before', async () => {
    const [first = 0] = versions;
    const traffic = asking();
    const answer = await ask(`${endpoint('promoter').url}/models/${name}/rollback`, {
      json: { reason: 'lab' },
      headers: { authorization: `Bearer ${await token()}` },
    });
    expect([answer.status, answer.body]).toEqual([202, expect.stringContaining(`version ${first}`)]);
    const { model } = await over(first);
    expect(model.serving).toBe(String(first));
    expect(Object.keys(await traffic.stop()).sort()).toEqual(['1000', '500']);
  });

  test('lets the promoter touch nothing but models', async () => {
    const may = async (...what: readonly string[]): Promise<string> =>
      (
        await kubectl([...['auth', 'can-i', ...what, '--as=system:serviceaccount:serving:promoter']]).catch(
          () => 'no',
        )
      ).trim();
    expect(await may('patch', 'deployments', '-n', team)).toBe('yes');
    expect(await may('patch', 'deployments', '-n', 'serving')).toBe('no');
    expect(await may('get', 'secrets', '-n', team)).toBe('no');
    expect(await may('patch', 'configmaps/inference-routes', '-n', 'serving')).toBe('yes');
    expect(await may('patch', 'configmaps/other', '-n', 'serving')).toBe('no');
    const service = {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'no-model', namespace: team } },
      spec: { ports: [{ port: 80 }] },
    };
    await expect(
      kubectl(
        [...['create', '--as=system:serviceaccount:serving:promoter', '--dry-run=server', '-f', '-']],
        JSON.stringify(service),
      ),
    ).rejects.toThrow(/carries its label and that of a model/);
  });
});
