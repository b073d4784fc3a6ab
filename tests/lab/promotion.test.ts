import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environments } from '../../environments/index.ts';
import { run } from '../../lab/support/exec.ts';
import { holdsAlone } from '../alone.ts';
import { installPackages } from '../node.ts';
import { ask } from './http.ts';
import { killProcesses } from './kill.ts';
import { registry, setChampion } from './registry.ts';
import { isReady } from './replace.ts';
import { deliver, over, queried, type Story, story, Traffic, tokenOf } from './rollouts.ts';
import {
  client,
  credentials,
  endpoint,
  eventually,
  kubectl,
  kubectlJson,
  type PodList,
  teamClient,
} from './support.ts';

// Eight pods start, four at a time: minutes on a machine that does other things too.
jest.setTimeout(20 * 60_000);

const local = environments['local'];
const [team, another] = ['team-b', 'team-a'];
const prefix = 'lab-promotion';
const kinds = ['good', 'slow', 'failing', 'garbage'] as const;
type Kind = (typeof kinds)[number];
const nameOf = (kind: Kind): string => `${prefix}-${kind}`;
const names = kinds.map(nameOf);

const log = async (which: 'first' | 'second'): Promise<Readonly<Record<Kind, number>>> =>
  JSON.parse(await client('log_candidates.py', [which, prefix], await teamClient(team))) as Readonly<
    Record<Kind, number>
  >;

const setChampions = async (versions: Readonly<Record<Kind, number>>): Promise<void> => {
  for (const kind of kinds) await setChampion(team, nameOf(kind), versions[kind]);
};

const podsOf = async (namespace: string, selector: string): Promise<readonly string[]> =>
  (await kubectlJson<PodList>(['get', 'pods', '-n', namespace, '-l', selector])).items.map(
    ({ metadata }) => metadata.name,
  );

const gateways = 'app.kubernetes.io/name=inference-gateway';

const scaleLog = (replicas: number): Promise<string> =>
  kubectl(['scale', 'deployment/prediction-log', '-n', 'serving', `--replicas=${replicas}`]);

const event = (change: object = {}, data: object = {}): string =>
  JSON.stringify({
    ...{ entity: 'model_version_alias', action: 'created', workspace: team, ...change },
    data: { name: nameOf('good'), alias: 'champion', version: '1', ...data },
  });

/** Reads Parquet with the packages that the service's own tests have. */
const service = join(import.meta.dirname, '../../services/prediction-log');
const reader = join(service, 'test/support/print-parquet.ts');

const on = local?.promoter?.kind === 'on' && local.predictionLog?.kind === 'on';

// The log is away for a while, and a gateway that is killed takes records with it.
holdsAlone('mlflow', 'prediction log');

// One story told in parts: what one model waits for, the others use.
(on ? describe : describe.skip)('the alias champion', () => {
  let first: Readonly<Record<Kind, number>>;
  let second: Readonly<Record<Kind, number>>;
  let traffic: Traffic | undefined;
  let labelled = '';

  beforeAll(async () => {
    first = await log('first');
    await setChampions(first);
  });
  afterAll(async () => {
    await traffic?.stop();
    await scaleLog(1);
    for (const name of names) await registry(team, 'DELETE', 'registered-models/delete', { name });
  });

  test('is told by webhooks that nobody can forge, replay or choke it with', async () => {
    const counts = (result: string): Promise<number> =>
      queried(`sum(plinth_promoter_webhook_deliveries_total{result="${result}"})`);
    const results = ['unsigned', 'unknown', 'too large', 'malformed', 'repeated'] as const;
    const before = Object.fromEntries(
      await Promise.all(results.map(async (result) => [result, await counts(result)] as const)),
    );
    const minutes = 60_000;
    const sent = [
      await deliver({ body: event(), secret: 'a-secret-that-nobody-has' }),
      await deliver({ body: event(), at: Date.now() - 5 * minutes - 2000 }),
      await deliver({ body: event({}, { name: 'nobody-has-it' }) }),
      await deliver({ body: event({ filler: 'x'.repeat(70_000) }) }),
      await deliver({ body: '{"entity":' }),
      await deliver({ body: event({}, { version: '99' }), id: 'lab-promotion-once' }),
      await deliver({ body: event({}, { version: '99' }), id: 'lab-promotion-once' }),
    ];
    expect(sent.map(({ status }) => status)).toEqual([401, 401, 404, 413, 400, 200, 200]);
    const grown = { unsigned: 2, unknown: 1, 'too large': 1, malformed: 1, repeated: 1 };
    for (const result of results)
      await eventually(
        `what is ${result} is counted`,
        () => counts(result),
        (count) => count >= (before[result] ?? 0) + grown[result],
      );
    // What one says is looked up: no rollout is of the version that only it named.
    const { rollouts } = await story(team, nameOf('good'));
    expect(rollouts.map(({ version }) => version)).not.toContain('99');
  });

  test('on the first version of a model deploys it, for all requests', async () => {
    for (const kind of kinds) {
      const { model } = await over(team, nameOf(kind), first[kind]);
      expect(model.serving).toBe(String(first[kind]));
    }
    traffic = new Traffic(team, names);
    await eventually(
      'all of them answer',
      async () => names.map((name) => traffic?.of(name) ?? []),
      (all) => all.every((answers) => answers.length > 0),
    );
    expect(names.map((name) => traffic?.of(name))).toEqual(names.map(() => ['500']));
  });

  test('is obeyed for its own team only, and the promoter touches nothing but models', async () => {
    second = await log('second');
    await setChampions(second);
    const path = `${endpoint('promoter').url}/models/${nameOf('good')}/rollback`;
    expect((await ask(path, { json: {} })).status).toBe(401);
    const others = { authorization: `Bearer ${await tokenOf(another)}` };
    expect((await ask(path, { json: {}, headers: others })).status).toBe(404);
    const as = '--as=system:serviceaccount:serving:promoter';
    const may = async (...what: readonly string[]): Promise<string> =>
      (await kubectl(['auth', 'can-i', ...what, as]).catch(() => 'no')).trim();
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
      kubectl(['create', as, '--dry-run=server', '-f', '-'], JSON.stringify(service)),
    ).rejects.toThrow(/carries its label and that of a model/);
  });

  test('has a log beside it: a label joins its prediction, and no prediction minds that the log is away', async () => {
    const [id = ''] = traffic?.ids.get(nameOf('good')) ?? [];
    labelled = id;
    const headers = { authorization: `Bearer ${await tokenOf(team)}` };
    const json = { team, model: nameOf('good'), labels: { [id]: 480 } };
    const told = await eventually(
      'the prediction is in the log',
      () => ask(`${endpoint('predictions').url}/feedback`, { json, headers }),
      ({ body }) => body.includes('"joined":1'),
    );
    expect(JSON.parse(told.body)).toEqual({ accepted: 1, joined: 1 });
    const dropped = (): Promise<number> => queried('sum(plinth_gateway_log_dropped_total{reason="sink"})');
    await scaleLog(0);
    const before = await dropped();
    await eventually('records are dropped', dropped, (count) => count > before);
    await scaleLog(1);
    expect(names.flatMap((name) => traffic?.of(name) ?? []).filter((each) => !/^\d+$/.test(each))).toEqual(
      [],
    );
  });

  test('is followed though the promoter, the registry, a gateway and a model are killed on the way', async () => {
    const inStep = ({ model }: Story): boolean =>
      model.rollout === null || model.rollout.phase !== 'deploying';
    await eventually('it is in a step', () => story(team, nameOf('good')), inStep, 600);
    const [gateway = ''] = await podsOf('serving', gateways);
    await killProcesses('serving', gateway);
    const now = ['--grace-period=0', '--force'];
    const kills = [
      ['-n', 'serving', '-l', 'app.kubernetes.io/name=promoter', ...now],
      ['-n', 'mlflow', '-l', 'app.kubernetes.io/name=mlflow'],
      [
        '-n',
        team,
        '-l',
        `plinth.dev/model=${nameOf('garbage')},plinth.dev/predictor=v${second.garbage}`,
        ...now,
      ],
    ];
    for (const kill of kills) await kubectl(['delete', 'pods', ...kill, '--wait=false']);
    const { model, audit } = await over(team, nameOf('good'), second.good);
    expect(model.serving).toBe(String(second.good));
    const begun = audit.findIndex(({ event }) => event === 'begun');
    const steps = audit.slice(0, begun).filter(({ event }) => event === 'step');
    expect(steps.map(({ detail }) => detail['kind']).reverse()).toEqual(['shadow', 'canary']);
  });

  test.each([
    ['slow', /is over .* ms; the stable predictor takes/],
    ['failing', /requests failed/],
    ['garbage', /requests failed/],
  ] as const)(
    'on a version that is %s is rolled back by itself within three minutes, and says why',
    async (kind, reason) => {
      const { model, rollouts, audit } = await over(team, nameOf(kind), second[kind]);
      expect(rollouts[0]).toMatchObject({ outcome: 'rolledBack', reason: expect.stringMatching(reason) });
      expect(model.serving).toBe(String(first[kind]));
      const at = (event: string): number => Date.parse(audit.find((each) => each.event === event)?.at ?? '');
      expect((at('rollingBack') - at('ready')) / 1000).toBeLessThan(180);
      const tags = async (): Promise<readonly { key: string; value: string }[]> => {
        const path = `model-versions/get?name=${nameOf(kind)}&version=${second[kind]}`;
        const found = await registry(team, 'GET', path);
        return (found['model_version'] as { tags?: { key: string; value: string }[] }).tags ?? [];
      };
      await eventually('its outcome is in the registry', tags, (found) =>
        found.some(({ key, value }) => key === 'plinth.rollout' && value === 'rolledBack'),
      );
    },
  );

  test('and a gateway whose pod is taken away at once is missed by nobody', async () => {
    const ready = async (): Promise<readonly string[]> => {
      const { items } = await kubectlJson<PodList>(['get', 'pods', '-n', 'serving', '-l', gateways]);
      return items.filter(isReady).map(({ metadata }) => metadata.name);
    };
    const both = await eventually('both gateways are ready', ready, ({ length }) => length === 2);
    const [gone = ''] = both;
    await kubectl(['delete', 'pod', gone, '-n', 'serving', '--grace-period=0', '--force', '--wait=false']);
    await eventually(
      'another has taken its place',
      ready,
      (pods) => pods.length === 2 && !pods.includes(gone),
      300,
    );
  });

  test('and all the while no request fails', async () => {
    await traffic?.stop();
    expect(traffic?.of(nameOf('good'))).toEqual(['1000', '500']);
    for (const kind of ['slow', 'failing', 'garbage'] as const)
      expect([kind, traffic?.of(nameOf(kind))]).toEqual([kind, ['500']]);
  });

  test('leaves predictions and labels as Parquet in the bucket of the team, by model, version and hour', async () => {
    await installPackages(service);
    const folder = mkdtempSync(join(tmpdir(), 'plinth-predictions-'));
    const { username, password } = credentials(`s3-${team}`);
    const env = {
      ...{ S3_URL: endpoint('s3').url, AWS_ACCESS_KEY_ID: username, AWS_SECRET_ACCESS_KEY: password },
    };
    const rowOf = async (): Promise<readonly (readonly [string, Record<string, unknown>])[]> => {
      const args = [team, nameOf('good'), folder];
      const found = JSON.parse(await client('read_predictions.py', args, env)) as Record<string, string>;
      const printed = await run([process.execPath, reader, ...Object.keys(found)]);
      const files = printed.split('\n').filter((line) => line !== '');
      return Object.values(found).flatMap((key, index) =>
        (JSON.parse(files[index] ?? '[]') as Record<string, unknown>[])
          .filter((row) => row['request_id'] === labelled)
          .map((row) => [key, row] as const),
      );
    };
    try {
      const rows = await eventually('both are written', rowOf, (found) => found.length === 2);
      const place = `model=${nameOf('good')}/version=${first.good}/date=\\d{4}-\\d\\d-\\d\\d/hour=\\d\\d/.*\\.parquet$`;
      const [label, prediction] = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
      expect(label?.[0]).toMatch(new RegExp(`^plinth/labels/${place}`));
      expect(label?.[1]['label']).toBe('[480]');
      expect(prediction?.[0]).toMatch(new RegExp(`^plinth/predictions/${place}`));
      expect(prediction?.[1]).toMatchObject({ team, status: 200, predictor: `v${first.good}` });
      const { outputs } = JSON.parse(String(prediction?.[1]['response'])) as {
        outputs: { data: number[] }[];
      };
      expect(Math.round(outputs[0]?.data[0] ?? 0)).toBe(500);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
