import { App, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { image } from '../../constructs/catalogue/index.ts';
import { SecretRequest, type SecretValue } from '../../constructs/contracts/index.ts';
import { ComponentChart, HttpService, Pods } from '../../constructs/kit/index.ts';
import { PlinthNamespace } from '../../constructs/kubernetes/index.ts';

interface Container {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly ports: readonly { readonly port: number }[];
    readonly template: {
      readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly Container[] };
    };
  };
}

/** A tree with a namespace for data and one for what uses them, to try one construct in. */
export class Platform {
  readonly app = new App();
  readonly data = new PlinthNamespace(this.app, 'namespace-data', { name: 'data' });
  readonly workloads = new PlinthNamespace(this.app, 'namespace-ml', { name: 'ml' });

  workload(name: string): Pods {
    const chart = new ComponentChart(this.app, name, { home: this.workloads });
    return new Pods(chart, 'Pods', { name, component: name });
  }

  run(pods: Pods): HttpService {
    const size = { cpu: Cpu.millis(10), memory: Size.mebibytes(16) };
    const containers = [{ name: 'main', image: image('mlflow'), size }];
    return new HttpService(pods.scope, 'Service', { pods, replicas: 1, containers });
  }

  withdrawals(): ComponentChart {
    return new ComponentChart(this.app, 'withdrawn-credentials', { home: this.data });
  }

  get manifests(): readonly Manifest[] {
    return this.app.charts.flatMap((chart) => chart.toJson() as Manifest[]);
  }

  manifest(kind: string, name: string): Manifest | undefined {
    return this.manifests.find((each) => each.kind === kind && each.metadata.name.startsWith(name));
  }

  request(name: string): SecretRequest['request'] {
    const found = this.app.node.findAll().filter(SecretRequest.isSecretRequest);
    const request = found.find((each) => each.request.name === name)?.request;
    if (request === undefined)
      throw new Error(`no Secret ${name}; there are ${found.map((each) => each.request.name)}`);
    return request;
  }
}

/** A value with every derived part shown as `<owner/key/generation>`. */
export const shown = (value: SecretValue | undefined): string => {
  if (value?.kind === 'text') return value.text;
  if (value?.kind === 'joined') return value.parts.map(shown).join('');
  if (value?.kind !== 'derived') throw new Error(`unexpected ${value?.kind}`);
  return `<${value.identity.owner}/${value.identity.key}/${value.identity.generation}>`;
};
