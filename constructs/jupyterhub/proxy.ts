import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import { type Endpoint, type SecretRef, value } from '../contracts/index.ts';
import { type Pods, StatefulService } from '../kit/index.ts';
import { proxyPorts } from './settings.ts';

export interface ProxyProps {
  readonly pods: Pods;
  readonly hub: Endpoint<'http'>;
  readonly token: SecretRef<'proxyToken'>;
}

/** configurable-http-proxy. Its routes are in its memory, so there is one of it; the hub tells a new one all of them. */
export const proxyService = (scope: Construct, { pods, hub, token }: ProxyProps): StatefulService => {
  const target = `http://${hub.host}:${hub.port}`;
  return new StatefulService(scope, 'Proxy', {
    pods,
    containers: [
      {
        name: 'proxy',
        image: image('configurable-http-proxy'),
        command: [
          'configurable-http-proxy',
          '--ip=0.0.0.0',
          `--port=${proxyPorts.http}`,
          '--api-ip=0.0.0.0',
          `--api-port=${proxyPorts.api}`,
          '--metrics-ip=0.0.0.0',
          `--metrics-port=${proxyPorts.metrics}`,
          `--default-target=${target}`,
          `--error-target=${target}/hub/error`,
        ],
        env: { CONFIGPROXY_AUTH_TOKEN: token.env('proxyToken'), NODE_ENV: value('production') },
        ports: proxyPorts,
        size: { cpu: Cpu.millis(10), memory: Size.mebibytes(96), memoryLimit: Size.mebibytes(256) },
        probe: { kind: 'http', port: proxyPorts.http, path: '/_chp_healthz' },
      },
    ],
  });
};
