import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { KubernetesApi } from '../src/cluster/api.ts';
import { KubernetesCluster } from '../src/cluster/kubernetes.ts';
import { podsState } from '../src/cluster/pods.ts';
import { fill, parseTemplates } from '../src/cluster/template.ts';
import { policies } from './support/policies.ts';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly token: string;
  readonly body: unknown;
}

const labels = { 'plinth.dev/model': '{{model}}', 'plinth.dev/predictor': 'v{{version}}' };
const metadata = { name: '{{model}}-v{{version}}', namespace: 'team-a', labels };
const template = {
  default: [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'model', image: 'm:1' }] } },
      },
    },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels } },
  ],
};
const place = { team: 'team-a', namespace: 'team-a', model: 'delays' };

describe('the Kubernetes API', () => {
  const asked: Asked[] = [];
  const there: object[] = [];
  let routes: Readonly<Record<string, string>> = {};
  let version = 1;
  let conflicts = 0;
  let server: Server;
  let account: string;
  let cluster: KubernetesCluster;

  const answer = (method: string, path: string): { readonly status: number; readonly body: object } => {
    if (path.endsWith('/configmaps/models'))
      return {
        status: 200,
        body: { kind: 'ConfigMap', data: { 'predictors.json': JSON.stringify(template) } },
      };
    if (path.endsWith('/configmaps/inference-routes')) {
      if (method === 'GET')
        return { status: 200, body: { metadata: { resourceVersion: String(version) }, data: routes } };
      if (conflicts > 0) {
        conflicts -= 1;
        return { status: 409, body: { message: 'the object has been modified' } };
      }
    }
    if (method === 'GET' && path.endsWith('/deployments'))
      return { status: 200, body: { kind: 'DeploymentList', items: there } };
    if (method === 'GET') return { status: 404, body: { kind: 'Status', code: 404 } };
    return { status: 200, body: { kind: 'Status', metadata: { name: 'x' } } };
  };

  before(async () => {
    account = mkdtempSync(join(tmpdir(), 'promoter-account-'));
    writeFileSync(join(account, 'token'), 'of-the-pod\n');
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const [path = ''] = (request.url ?? '').split('?');
        const method = request.method ?? '';
        const text = Buffer.concat(chunks).toString('utf8');
        if (method !== 'GET')
          asked.push({
            method,
            path: request.url ?? '',
            type: request.headers['content-type'] ?? '',
            token: request.headers.authorization ?? '',
            body: text === '' ? undefined : JSON.parse(text),
          });
        const { status, body } = answer(method, path);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(account, { recursive: true });
  });
  beforeEach(() => {
    asked.length = 0;
    there.length = 0;
    routes = { 'delays.json': '{"stable":"v1"}' };
    version = 1;
    conflicts = 0;
    cluster = new KubernetesCluster({
      api: new KubernetesApi({
        api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        account,
      }),
      policies: policies(),
      templates: { name: 'models', key: 'predictors.json' },
      routes: { namespace: 'serving', name: 'inference-routes' },
      port: 8080,
      freshMs: 60_000,
    });
  });

  test('is given the template, filled in, by server-side apply; once as long as it is the same', async () => {
    await cluster.apply(place, ['3']);
    await cluster.apply(place, ['3']);
    assert.deepEqual(
      asked.map(({ method, path }) => `${method} ${path.split('?')[0]}`),
      [
        'PATCH /apis/apps/v1/namespaces/team-a/deployments/delays-v3',
        'PATCH /api/v1/namespaces/team-a/services/delays-v3',
      ],
    );
    for (const { path, type, token } of asked) {
      assert.equal(token, 'Bearer of-the-pod');
      assert.match(type, /^application\/apply-patch\+yaml/);
      assert.match(path, /fieldManager=plinth-promoter/);
      assert.match(path, /force=true/);
    }
    const [deployment] = asked.map(({ body }) => body as (typeof template.default)[0]);
    const own = { 'plinth.dev/model': 'delays', 'plinth.dev/predictor': 'v3' };
    assert.deepEqual(deployment?.metadata.labels, {
      ...own,
      'plinth.dev/managed-by': 'promoter',
      'plinth.dev/version': '3',
    });
    // What selects pods is the template's alone: it can't be changed afterwards.
    assert.deepEqual(deployment?.spec.selector, { matchLabels: own });
  });

  const route = { stable: '3', versions: [{ version: '3', weight: 100, mirror: false }] };
  const still = async (): Promise<void> => {};

  test('gets one key of the routes, and loses it', async () => {
    await cluster.route(place, route, still);
    await cluster.route(place, null, still);
    for (const { method, path, type } of asked) {
      assert.equal(
        `${method} ${path.split('?')[0]}`,
        'PATCH /api/v1/namespaces/serving/configmaps/inference-routes',
      );
      assert.match(type, /^application\/merge-patch\+json/);
    }
    const [set, unset] = asked.map(({ body }) => (body as { data: Record<string, string | null> }).data);
    assert.equal(JSON.parse(set?.['delays.json'] ?? '').stable, 'v3');
    assert.deepEqual(unset, { 'delays.json': null });
  });

  test('is not written to by whoever was held up while others decided anew', async () => {
    const outdated = new Error('outdated');
    await assert.rejects(
      cluster.route(place, route, () => Promise.reject(outdated)),
      outdated,
    );
    assert.deepEqual(asked, []);
    // It changes between the look and the write: what is there then is looked at again, and asked about again.
    conflicts = 1;
    let looks = 0;
    await assert.rejects(
      cluster.route(place, route, async () => {
        looks += 1;
        version += 1;
        if (looks === 2) throw outdated;
      }),
      outdated,
    );
    assert.equal(asked.length, 1);
    const [written] = asked.map(({ body }) => body as { metadata: object });
    assert.deepEqual(written?.metadata, {
      ...{ name: 'inference-routes', namespace: 'serving', resourceVersion: '1' },
    });
  });

  test('is asked again where others have changed their own keys', async () => {
    conflicts = 2;
    await cluster.route(place, route, still);
    assert.equal(asked.length, 3);
  });

  test('says what it refuses', async () => {
    conflicts = 100;
    await assert.rejects(cluster.route(place, route, still), /409 the object has been modified/);
  });

  test('loses the versions that nothing needs, the Deployment last', async () => {
    for (const version of ['3', '4'])
      there.push({ metadata: { name: `delays-v${version}`, labels: { 'plinth.dev/version': version } } });
    await cluster.prune(place, ['4']);
    assert.deepEqual(
      asked.map(({ method, path }) => `${method} ${path.split('?')[0]}`),
      [
        'DELETE /api/v1/namespaces/team-a/services/delays-v3',
        'DELETE /apis/apps/v1/namespaces/team-a/deployments/delays-v3',
      ],
    );
  });

  test('that has no such Deployment says so', async () => {
    assert.deepEqual(await cluster.pods(place, '9'), { kind: 'absent' });
  });
});

describe('pods', () => {
  const deployment = (status: object, generation = 1) => ({
    metadata: { generation },
    spec: { replicas: 1, selector: {}, template: {} },
    status: { observedGeneration: 1, ...status },
  });
  const pod = (restartCount: number, state: object, lastState: object = {}) => ({
    status: {
      initContainerStatuses: [
        { ...{ name: 'fetch-model', restartCount, ready: false, image: '', imageID: '' }, state, lastState },
      ],
    },
  });
  const crash = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } };
  const ended = { terminated: { exitCode: 1, reason: 'Error' } };

  test('are ready when as many as wanted are available, of this generation', () => {
    const ready = { updatedReplicas: 1, availableReplicas: 1 };
    assert.deepEqual(podsState(deployment(ready), []), { kind: 'ready' });
    assert.deepEqual(podsState(deployment(ready, 2), []), { kind: 'starting' });
  });

  test('have failed when a container ended three times, and say how', () => {
    const state = podsState(deployment({}), [pod(3, crash, ended)]);
    assert.deepEqual(state, { kind: 'failed', why: 'fetch-model ended with 1 (Error)' });
    assert.equal(podsState(deployment({}), [pod(2, crash, ended)]).kind, 'starting');
  });

  test('say why they wait: an image, a node, a quota', () => {
    const waiting = { waiting: { reason: 'ErrImagePull', message: 'no such image' } };
    assert.deepEqual(podsState(deployment({}), [pod(0, waiting)]), {
      kind: 'starting',
      why: 'fetch-model: ErrImagePull: no such image',
    });
    const quota = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: team' };
    assert.deepEqual(podsState(deployment({ conditions: [quota] }), []), {
      kind: 'starting',
      why: 'exceeded quota: team',
    });
    const unplaced = { type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' };
    assert.deepEqual(podsState(deployment({}), [{ status: { conditions: [unplaced] } }]), {
      kind: 'starting',
      why: '0/1 nodes are available',
    });
    assert.deepEqual(podsState(deployment({}), [pod(0, { waiting: { reason: 'PodInitializing' } })]), {
      kind: 'starting',
    });
  });
});

describe('a template', () => {
  const named = (change: object) =>
    parseTemplates(
      JSON.stringify({ default: [{ ...template.default[0], metadata: { ...metadata, ...change } }] }),
    );

  test("that names another team's namespace, or another object of its own, is refused", () => {
    assert.equal(fill(named({}), place, '3')[0]?.metadata.name, 'delays-v3');
    assert.throws(
      () => fill(named({ namespace: 'team-b' }), place, '3'),
      /team-b\/delays-v3 instead of team-a/,
    );
    assert.throws(() => fill(named({ name: 'jupyter-ada' }), place, '3'), /jupyter-ada instead of/);
  });
});
