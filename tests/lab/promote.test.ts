import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { buildKubernetes } from '../../lab/kubernetes/build.ts';
import { run } from '../../lab/support/exec.ts';
import { makeProbe, probeRuns, removeProbe } from './probe.ts';
import { teamToken } from './sign-in.ts';
import { checkout, client, endpoint, eventually, kubectl, labFile, ownIdentity } from './support.ts';

jest.setTimeout(10 * 60_000);

const name = `traceable-${process.pid}`;
/** A second MLflow, as another environment has one: with its own database and its own store. */
const other = { namespace: 'mlflow', name: 'another-mlflow' };
const port = 29_150;
const otherUrl = `http://127.0.0.1:${port}`;

const promote = async (version: string, ...more: readonly string[]): Promise<string> =>
  run(
    [
      ...[process.execPath, 'platform/cli/plinth.ts', 'promote', name, version],
      ...['--from', endpoint('mlflow').url, '--to', otherUrl, ...more],
    ],
    {
      cwd: checkout,
      env: {
        ...process.env,
        NODE_EXTRA_CA_CERTS: labFile('ca.crt'),
        PLINTH_FROM_TOKEN: await teamToken('team-a'),
      },
    },
  );

(ownIdentity ? describe : describe.skip)('a version that is promoted from one MLflow to another', () => {
  let forward: ChildProcess;
  let versions: { readonly known: string; readonly unknown: string };
  beforeAll(async () => {
    await makeProbe({
      ...other,
      container: {
        command: [
          ...['mlflow', 'server', '--host=127.0.0.1', '--port=5000', '--workers=1'],
          ...['--backend-store-uri=sqlite:////tmp/mlflow.db', '--serve-artifacts'],
          '--artifacts-destination=/tmp/artifacts',
        ],
        env: [{ name: 'MLFLOW_SERVER_ENABLE_JOB_EXECUTION', value: 'false' }],
        resources: { requests: { cpu: '100m', memory: '512Mi' }, limits: { memory: '1Gi' } },
      },
    });
    versions = JSON.parse(await client('log_traceable.py', [name]));
    await probeRuns(other);
    // A forward ends with the first connection that is refused.
    const asked = `import urllib.request; urllib.request.urlopen("http://127.0.0.1:5000/health")`;
    await eventually(
      'the other MLflow listens',
      () => kubectl(['exec', '-n', other.namespace, other.name, '--', 'python3', '-c', asked]),
      () => true,
      600,
    );
    forward = spawn(
      join(await buildKubernetes(), 'kubectl'),
      [
        ...['--kubeconfig', labFile('kubeconfig'), 'port-forward', '-n', other.namespace],
        ...[`pod/${other.name}`, `${port}:5000`],
      ],
      { stdio: 'ignore' },
    );
    await eventually(
      'the other MLflow answers',
      () => fetch(`${otherUrl}/health`),
      ({ status }) => status === 200,
    );
  });
  afterAll(async () => {
    if (forward?.exitCode === null) {
      const ended = once(forward, 'exit');
      forward.kill();
      await ended;
    }
    await removeProbe(other);
  });

  test('answers there as it does here, and says what it was made of', async () => {
    await promote(versions.known, '--alias', 'champion');
    const there = JSON.parse(
      await client('ask_model.py', [name, 'champion'], {
        ...{ MLFLOW_TRACKING_URI: otherUrl, MLFLOW_TRACKING_AUTH: '' },
      }),
    );
    expect(there).toEqual({
      answer: [600],
      version: '1',
      tags: {
        'mlflow.source.git.commit': expect.stringMatching(/^[0-9a-f]{40}$/),
        'plinth.data.version': 'rows@4',
        'plinth.digest': expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        'plinth.promoted.run': expect.stringMatching(/^[0-9a-f]{32}$/),
        'plinth.promoted.source': `${name} version ${versions.known} of ${endpoint('mlflow').url}`,
      },
    });
  });

  test('is there once, however often it is promoted', async () => {
    expect(await promote(versions.known)).toContain('has these bytes already');
  });

  test('is refused if nobody knows what it was made of', async () => {
    await expect(promote(versions.unknown)).rejects.toThrow(/lacks\n.*a data version/);
  });
});
