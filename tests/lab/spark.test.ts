import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { image, reference } from '../../constructs/catalogue/index.ts';
import { environments } from '../../environments/index.ts';
import { leftOfSessions } from './spark-pods.ts';
import { eventually, kubectl } from './support.ts';

jest.setTimeout(20 * 60_000);

const namespace = 'team-b';
const clients = ['spark-lab-notebook', 'spark-lab-forgotten'] as const;
type Client = (typeof clients)[number];

const secret = (name: string, key: string) => ({
  name,
  valueFrom: { secretKeyRef: { name: `${namespace}-bucket-${namespace}`, key } },
});

/** A pod as the hub makes it for a notebook, as far as Spark is concerned. */
const clientPod = (name: Client, script: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { 'spark.plinth.dev/role': 'spark-client' } },
    spec: {
      restartPolicy: 'Never',
      serviceAccountName: 'spark-client',
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'client',
          image: reference(image('spark')),
          command: ['python3', '-c', readFileSync(join(import.meta.dirname, 'spark', script), 'utf8')],
          env: [
            { name: 'HOME', value: '/tmp' },
            { name: 'PLINTH_SPARK', value: '/etc/plinth/spark' },
            secret('AWS_ACCESS_KEY_ID', 'accessKeyId'),
            secret('AWS_SECRET_ACCESS_KEY', 'secretAccessKey'),
            secret('AWS_DEFAULT_REGION', 'region'),
            secret('AWS_ENDPOINT_URL_S3', 'endpoint'),
            secret('PLINTH_BUCKET', 'bucket'),
          ],
          resources: { requests: { cpu: '50m', memory: '256Mi' }, limits: { memory: '512Mi' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: [{ name: 'spark', mountPath: '/etc/plinth/spark', readOnly: true }],
        },
      ],
      volumes: [{ name: 'spark', configMap: { name: 'spark-templates' } }],
    },
  });

const start = (name: Client, script: string): Promise<string> =>
  kubectl(['apply', '-f', '-'], clientPod(name, script));
const logOf = (name: string): Promise<string> => kubectl(['logs', '-n', namespace, name]);

const left = (): Promise<readonly string[]> => leftOfSessions(namespace);

const cleanUp = async (): Promise<void> => {
  const gone = ['--ignore-not-found', '--wait=false'];
  await kubectl(['delete', 'pod', '-n', namespace, ...clients, ...gone, '--grace-period=0', '--force']);
  await kubectl(['delete', 'sparkapplication', '-n', namespace, 'lab-batch', ...gone]);
};

(environments['local']?.spark?.kind === 'on' ? describe : describe.skip)('Spark', () => {
  beforeAll(cleanUp);
  afterAll(cleanUp);

  describe('a notebook', () => {
    let found: Readonly<Record<string, string | number>>;
    beforeAll(async () => {
      await start('spark-lab-notebook', 'notebook.py');
      const phase = await eventually(
        'the notebook ends',
        () =>
          kubectl(['get', 'pod', '-n', namespace, 'spark-lab-notebook', '-o', 'jsonpath={.status.phase}']),
        (now) => now === 'Succeeded' || now === 'Failed',
        600,
      );
      const log = await logOf('spark-lab-notebook');
      if (phase === 'Failed') throw new Error(`the notebook failed:\n${log.slice(-4000)}`);
      found = JSON.parse(log.trim().split('\n').at(-1) ?? '') as typeof found;
      console.log(`a session was ready after ${found['startSeconds']} s`);
    });

    test('sums a million rows on an executor in Kubernetes, and writes parquet to its bucket', () => {
      expect(found).toMatchObject({ sum: 499_999_500_000, rows: 1000, executors: 1 });
      expect(found['parts']).toBeGreaterThan(0);
    });

    test('has a session that nobody else can enter', () => {
      expect(found['guessedToken']).toBe('UNAUTHENTICATED');
    });

    test('can start Spark as a part of itself, and nothing else', () => {
      expect(found['asItShould']).toBe('accepted');
      expect(found['otherImage']).toMatch(/runs localhost\/plinth\/spark:\S+ and nothing else/);
      expect(found['otherAccount']).toMatch(/a client starts drivers/);
      expect(found['noOwner']).toMatch(/only what belongs to itself/);
      expect(found['noLimit']).toMatch(/activeDeadlineSeconds of at most/);
      expect(found['anothersPod']).toMatch(/only what belongs to itself/);
    });

    test('that stopped its session leaves no pod and no token of it', async () => {
      expect(await eventually('all is gone', left, ({ length }) => length === 0)).toEqual([]);
    });

    test('submitted an application that completes', async () => {
      const state = await eventually(
        'the application ends',
        () =>
          kubectl([
            ...['get', 'sparkapplication', '-n', namespace, 'lab-batch'],
            ...['-o', 'jsonpath={.status.applicationState.state} {.status.applicationState.errorMessage}'],
          ]),
        (now) => /^(COMPLETED|FAILED|SUBMISSION_FAILED)/.test(now),
        600,
      );
      expect(state.trim()).toBe('COMPLETED');
      expect(await logOf('lab-batch-driver')).toMatch(/^rows 500$/m);
    });

    test("finds both in the team's history", async () => {
      const names = await eventually(
        'the history server has read their logs',
        async () => {
          const path = `/api/v1/namespaces/spark/services/spark-history-${namespace}:18080/proxy/api/v1/applications`;
          const all = JSON.parse(await kubectl(['get', '--raw', path])) as readonly {
            readonly name: string;
          }[];
          return all.map(({ name }) => name);
        },
        (all) => all.includes('lab-batch') && all.some((name) => name.startsWith('spark-session-')),
        300,
      );
      expect(names).toContain('lab-batch');
    });
  });

  describe('a notebook that is killed', () => {
    beforeAll(async () => {
      await start('spark-lab-forgotten', 'forgotten.py');
      await eventually(
        'its session works',
        () => logOf('spark-lab-forgotten'),
        (log) => log.includes('rows 1000'),
        600,
      );
    });

    test("has its session's metrics under the team's name", async () => {
      const query = `metrics_executor_maxTasks{team="${namespace}",executor_id!="driver"}`;
      const path = `/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query?query=${encodeURIComponent(query)}`;
      const series = await eventually(
        `${query} has series`,
        async () =>
          (JSON.parse(await kubectl(['get', '--raw', path])) as { data: { result: readonly object[] } }).data
            .result,
        ({ length }) => length > 0,
        300,
      );
      expect(series.length).toBeGreaterThan(0);
    });

    test('leaves no pod and no token of it', async () => {
      expect((await left()).length).toBeGreaterThanOrEqual(3);
      await kubectl([
        ...['delete', 'pod', '-n', namespace, 'spark-lab-forgotten', '--grace-period=0', '--force'],
      ]);
      expect(await eventually('all is gone', left, ({ length }) => length === 0)).toEqual([]);
    });
  });
});
