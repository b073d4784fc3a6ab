import { image, reference } from '../../constructs/catalogue/index.ts';
import { eventually, kubectl } from './support.ts';

export interface Probe {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Python that it runs; unset, it only waits to be used. */
  readonly script?: string;
  /** Fields of its container and of its pod besides those that Pod Security `restricted` and quotas ask for. */
  readonly container?: Readonly<Record<string, unknown>>;
  readonly pod?: Readonly<Record<string, unknown>>;
}

const wait = 'import time; time.sleep(3600)';

/** Makes a small pod with Python in it, which is gone by itself only with its namespace. */
export const makeProbe = ({
  namespace,
  name,
  labels,
  script = wait,
  container,
  pod,
}: Probe): Promise<string> =>
  kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 10_001,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        ...pod,
        containers: [
          {
            name: 'probe',
            image: reference(image('mlflow')),
            command: ['python3', '-c', script],
            resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '96Mi' } },
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            ...container,
          },
        ],
      },
    }),
  );

export const probeRuns = ({ namespace, name }: Probe): Promise<string> =>
  eventually(
    `${name} runs`,
    () => kubectl(['get', 'pod', '-n', namespace, name, '-o', 'jsonpath={.status.phase}']),
    (phase) => phase === 'Running',
  );

export const removeProbe = ({ namespace, name }: Probe): Promise<string> =>
  kubectl([
    ...['delete', 'pod', '-n', namespace, name],
    ...['--ignore-not-found', '--force', '--grace-period=0'],
  ]);
