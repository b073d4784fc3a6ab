import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environments } from '../../environments/index.ts';
import { buildKubernetes } from '../../lab/kubernetes/build.ts';
import { ensureDebianPackages } from '../../lab/support/apt.ts';
import { cached } from '../../lab/support/cache.ts';
import { run } from '../../lab/support/exec.ts';
import { checkout } from './owner.ts';

export { checkout };
export const labFile = (name: string): string => join(checkout, '.lab', name);

const readJson = <T>(name: string): T => JSON.parse(readFileSync(labFile(name), 'utf8')) as T;

export interface LabEndpoint {
  readonly url: string;
  readonly health: string;
}

/** Address of a component, as users find it: in .lab/endpoints.json. */
export const endpoint = (name: string): LabEndpoint => {
  const found = readJson<Record<string, LabEndpoint>>('endpoints.json')[name];
  if (found === undefined) throw new Error(`.lab/endpoints.json names no ${name}`);
  return found;
};

export const credentials = (name: string): { readonly username: string; readonly password: string } => {
  const found = readJson<Record<string, { username: string; password: string }>>('credentials.json')[name];
  if (found === undefined) throw new Error(`.lab/credentials.json names no ${name}`);
  return found;
};

/** Asks until the answer pleases or the time is up, and then says what the last answer was. */
export const eventually = async <T>(
  what: string,
  ask: () => Promise<T>,
  pleases: (answer: T) => boolean,
  seconds = 180,
): Promise<T> => {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    let last: unknown;
    try {
      const answer = await ask();
      if (pleases(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(
        `${what}: not within ${seconds} s; last: ${String(JSON.stringify(last) ?? last).slice(0, 800)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
};

/** A Python with the unmodified clients of tests/lab/client, made once per set of requirements. */
export const clientPython = async (): Promise<string> => {
  const requirements = join(import.meta.dirname, 'client/requirements.txt');
  const key = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const folder = await cached('test-client', key, async (fresh) => {
    await ensureDebianPackages(['python3-venv']);
    // Debian's own interpreter: another one may be gone when the cache is used again.
    await run(['/usr/bin/python3', '-m', 'venv', '--copies', join(fresh, 'venv')]);
    await run(
      [join(fresh, 'venv/bin/python'), '-m', 'pip', 'install', '-q', '--require-hashes', '-r', requirements],
      { timeoutMs: 15 * 60_000 },
    );
  });
  return join(folder, 'venv/bin/python');
};

/** Only where the environment has its own Keycloak: elsewhere the accounts are somebody else's. */
export const ownIdentity = environments['local']?.identity?.kind === 'keycloak';

/**
 * What MLflow's client needs to sign in with a team's own machine credentials, as a pod of the team has it: they are
 * put into files that only this user reads.
 */
export const teamClient = async (team: string): Promise<Readonly<Record<string, string>>> => {
  if (!ownIdentity) return {};
  const folder = labFile(`clients/${team}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { data } = await kubectlJson<{ data: Record<string, string> }>([
    ...['get', 'secret', '-n', team, `${team}-oidc`],
  ]);
  for (const [key, encoded] of Object.entries(data))
    writeFileSync(join(folder, key), Buffer.from(encoded, 'base64'), { mode: 0o600 });
  return {
    MLFLOW_TRACKING_AUTH: 'plinth',
    PLINTH_OIDC_FOLDER: folder,
    // The package as it is in images, without installing it.
    PYTHONPATH: [join(import.meta.dirname, 'client/plugin'), join(checkout, 'sdk/python/src')].join(':'),
  };
};

/**
 * Runs a script of tests/lab/client as what team-a runs, with the lab's authority trusted; resolves to the last line
 * it printed.
 */
export const client = async (
  script: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const output = await run([await clientPython(), join(import.meta.dirname, 'client', script), ...args], {
    env: { ...process.env, ...clientEnv(), ...(await teamClient('team-a')), ...env },
    timeoutMs: 5 * 60_000,
  });
  return output.trimEnd().split('\n').at(-1) ?? '';
};

export const clientEnv = (): Record<string, string> => ({
  REQUESTS_CA_BUNDLE: labFile('ca.crt'),
  AWS_CA_BUNDLE: labFile('ca.crt'),
  AWS_DEFAULT_REGION: 'us-east-1',
  GIT_PYTHON_REFRESH: 'quiet',
  MLFLOW_TRACKING_URI: endpoint('mlflow').url,
  MLFLOW_HTTP_REQUEST_TIMEOUT: '60',
});

/** kubectl of the lab, as its administrator. */
export const kubectl = async (args: readonly string[], input?: string): Promise<string> => {
  const folder = await buildKubernetes();
  return run([join(folder, 'kubectl'), '--kubeconfig', labFile('kubeconfig'), ...args], {
    timeoutMs: 5 * 60_000,
    ...(input === undefined ? {} : { input }),
  });
};

/** What Prometheus' API answers, asked through the API server as the lab's administrator. */
export const askPrometheus = async <T>(path: string): Promise<T> =>
  JSON.parse(
    await kubectl(['get', '--raw', `/api/v1/namespaces/monitoring/services/prometheus:9090/proxy${path}`]),
  ) as T;

export const kubectlJson = async <T>(args: readonly string[]): Promise<T> =>
  JSON.parse(await kubectl([...args, '-o', 'json'])) as T;

export interface PodList {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly namespace: string;
      readonly uid: string;
      readonly deletionTimestamp?: string;
      readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
    };
    readonly status: {
      readonly phase: string;
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    };
  }[];
}

/** A value of a Secret of the cluster. */
export const secretValue = async (namespace: string, name: string, key: string): Promise<string> => {
  const { data } = await kubectlJson<{ data: Record<string, string> }>([
    'get',
    'secret',
    '-n',
    namespace,
    name,
  ]);
  return Buffer.from(data[key] ?? '', 'base64').toString('utf8');
};
