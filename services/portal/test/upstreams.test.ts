import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobObject, waiting, workloadObject } from './support/cluster.ts';
import { signedIn, visit, world } from './support/start.ts';
import type { Condition, Fake } from './support/world.ts';

const noted: readonly (readonly [Fake, RegExp])[] = [
  ['hub', /JupyterHub/],
  ['mlflow', /MLflow/],
  ['airflow', /Airflow/],
  ['promoter', /The promoter/],
  ['metrics', /Prometheus/],
  ['kubernetes', /Kubernetes/],
];
/** How long the portal waits for who doesn't answer, in milliseconds; who does has answered before. */
const patience = 1500;
const impatient = { UPSTREAM_MILLISECONDS: String(patience) };
const conditions: readonly Condition[] = ['down', 'slow', 'strange'];

for (const [fake, name] of noted)
  for (const condition of conditions)
    test(`${fake} ${condition}: a note in its sections, and everything else is there`, async (t) => {
      const place = await world(t, condition === 'slow' ? impatient : {});
      const { browser } = await signedIn(place, 'scientist-b');
      place.conditions.set(fake, condition);
      const { status, body } = await visit(place, 'scientist-a');
      assert.equal(status, 200);
      const notes = [...body.matchAll(/class="note">([^<]+)/g)].map(([, text]) => text ?? '');
      assert.ok(
        notes.some((text) => name.test(text)),
        `${notes}`,
      );
      for (const other of noted.filter(([each]) => each !== fake))
        assert.equal(
          notes.some((text) => other[1].test(text)),
          false,
          `${notes}`,
        );
      assert.match(body, /id="documentation"/);
      assert.match(body, /Sign out/);
      assert.equal((await browser.ask('/series.json')).status, 200);
    });

test('all of them slow: asked at once, so the page takes as long as one', async (t) => {
  const place = await world(t, impatient);
  const { browser } = await signedIn(place, 'scientist-a');
  for (const [fake] of noted) place.conditions.set(fake, 'slow');
  const begun = performance.now();
  const { status } = await browser.ask('/');
  assert.equal(status, 200);
  const took = performance.now() - begun;
  assert.ok(took < 3 * patience, `${took}`);
});

test('a button whose service does not answer says that nothing was done', async (t) => {
  const place = await world(t);
  const { browser, page } = await signedIn(place, 'scientist-a');
  for (const fake of ['hub', 'promoter', 'kubernetes'] as const) place.conditions.set(fake, 'down');
  for (const action of [
    '/notebooks/scientist-a/default/stop',
    '/models/delays/rollback',
    '/spark/team-a/spark-session-1a2b/stop',
  ]) {
    assert.equal((await browser.press(page, action)).status, 303);
    assert.match((await browser.ask('/')).body, /role="alert">That wasn&#39;t done:/);
  }
});

test('what is ill is told first and why, in plain words', async (t) => {
  const place = await world(t);
  const pod = (workload: string, status: object) => ({
    ...{ name: `${workload}-x`, uid: `uid-${workload}-x`, status },
    owner: { kind: 'ReplicaSet', name: `${workload}-6c9f`, uid: 'rs' },
  });
  const none = { readyReplicas: 0 };
  place.ill.set('mlflow/mlflow', workloadObject('mlflow', 'mlflow', none));
  place.ill.set('airflow/airflow-scheduler', workloadObject('airflow', 'airflow-scheduler', none));
  place.ill.set('gateway/gateway', workloadObject('gateway', 'gateway', none));
  place.ill.set('monitoring/prometheus', workloadObject('monitoring', 'prometheus', none));
  place.ill.set(
    'jupyterhub/hub',
    workloadObject('jupyterhub', 'hub', {
      ...none,
      conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: team' }],
    }),
  );
  place.ill.set(
    'mlflow/mlflow-migrate',
    jobObject('mlflow', 'mlflow-migrate', 'Job has reached the specified backoff limit'),
  );
  place.platformPods.set('mlflow', [
    pod(
      'mlflow',
      waiting('CrashLoopBackOff', { lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }),
    ),
  ]);
  place.platformPods.set('airflow', [pod('airflow-scheduler', waiting('ImagePullBackOff'))]);
  place.platformPods.set('gateway', [
    pod('gateway', {
      phase: 'Pending',
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: '0/1 nodes: insufficient memory',
        },
      ],
    }),
  ]);
  place.platformPods.set('monitoring', [
    pod('prometheus', {
      phase: 'Running',
      containerStatuses: [{ name: 'main', ready: false, restartCount: 0, state: { running: {} } }],
    }),
  ]);
  const { body } = await visit(place, 'scientist-a');
  const text = body.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');
  assert.match(text, /6 components are ill/);
  for (const reason of [
    /It doesn&#39;t stay up: it took more memory than it may have, and was started again 5 times\./,
    /Its image can&#39;t be pulled: localhost\/plinth\/mlflow/,
    /No machine has room for it: 0\/1 nodes: insufficient memory\./,
    /It runs, but doesn&#39;t answer that it is ready\./,
    /Its pods are refused: exceeded quota: team\./,
    /Job has reached the specified backoff limit\./,
  ])
    assert.match(text, reason);
  assert.match(body, /class="title">MLflow<\/span><span class="state bad">ill/);
  assert.equal(body.includes('not for pages'), false);
});
