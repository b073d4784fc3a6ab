import { Size, Yaml } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type AlertHandler,
  type Endpoint,
  type Observable,
  SecretRequest,
  text,
} from '../contracts/index.ts';
import {
  ComponentChart,
  ConfigFiles,
  DataVolume,
  type Home,
  type Mount,
  Pods,
  StatefulService,
} from '../kit/index.ts';
import { type Access, externalUrl, forAdministrators } from './access.ts';

/** A web address that is told of alerts. */
export interface AlertReceiver {
  readonly name: string;
  /** Secret with the address under `url`, there before: addresses of chat rooms and pagers are secrets. */
  readonly secret: string;
  /** Addresses of its host, for the network policy. */
  readonly cidr: string;
  readonly port: number;
  readonly alerts: 'all' | 'critical' | 'watchdog';
}

export interface AlertmanagerProps {
  readonly home: Home;
  readonly receivers: readonly AlertReceiver[];
  /** Services of the platform's own, beside those who are told. */
  readonly handlers: readonly AlertHandler[];
  /** Unset: it is reached from inside the cluster only. */
  readonly access?: Access;
}

const port = 9093;
const nobody = 'nobody';
const folderOf = (receiver: AlertReceiver): string => `/etc/plinth/receivers/${receiver.name}`;

/** A handler with the address that it was granted; its token is a file of this folder. */
export interface ToldHandler extends Pick<AlertHandler, 'name' | 'alerts' | 'groupBy' | 'repeat'> {
  readonly url: string;
}
const tokenFolderOf = (name: string): string => `/etc/plinth/handlers/${name}`;

/**
 * Groups alerts and tells whoever is to know. One pod: Prometheus keeps sending what is still firing, so a restart
 * delays a message and loses none; silences are on its volume.
 */
export class Alertmanager extends ComponentChart {
  readonly endpoint: Endpoint<'http'>;
  readonly observable: Observable;

  constructor(scope: Construct, props: AlertmanagerProps) {
    super(scope, 'alertmanager', { home: props.home });
    const pods = new Pods(this, 'Pods', { name: 'alertmanager', component: 'prometheus', userId: 65_532 });
    const handlers = props.handlers.map((handler) => this.#granted(pods, handler));
    const data = new DataVolume(this, 'Data', { name: 'alertmanager', size: Size.gibibytes(1) });
    const files = new ConfigFiles(this, 'Files', {
      name: 'alertmanager-files',
      files: { 'alertmanager.yml': Yaml.stringify(alertmanagerConfig(props.receivers, handlers)) },
    });
    const service = new StatefulService(this, 'Service', {
      pods,
      containers: [
        {
          name: 'alertmanager',
          image: image('alertmanager'),
          command: [
            'alertmanager',
            '--config.file=/etc/plinth/alertmanager/alertmanager.yml',
            '--storage.path=/alertmanager',
            `--web.listen-address=:${port}`,
            ...externalUrl('alertmanager', props.access),
            // Empty: one of its kind, no gossip.
            '--cluster.listen-address=',
          ],
          ports: { http: port },
          size: { cpu: Cpu.millis(10), memory: Size.mebibytes(64), memoryLimit: Size.mebibytes(128) },
          mounts: [
            { path: '/alertmanager', from: { kind: 'claim', claim: data } },
            { path: '/etc/plinth/alertmanager', from: { kind: 'files', files }, readOnly: true },
            ...props.receivers.map((receiver) => this.#address(pods, receiver)),
          ],
          probe: { kind: 'http', port, path: '/-/ready' },
        },
      ],
    });
    this.endpoint = service.endpoint('http', 'http');
    const { access } = props;
    const signIn =
      access === undefined ? [] : [forAdministrators(this, 'alertmanager', this.endpoint, access)];
    this.observable = { metrics: [service.metrics('http'), ...signIn] };
  }

  #granted(pods: Pods, handler: AlertHandler): ToldHandler {
    const { name, alerts, groupBy, repeat } = handler;
    const { url, token } = handler.grantTell(pods);
    pods.mountSecret(token.name, tokenFolderOf(name));
    return { name, alerts, groupBy, repeat, url };
  }

  /** The receiver's address as a file, and the path to it. */
  #address(pods: Pods, receiver: AlertReceiver): Mount {
    const { name, secret, cidr, port: receiverPort } = receiver;
    const request = new SecretRequest(this, `Receiver-${name}`, {
      namespace: this.home.name,
      name: secret,
      source: 'preCreated',
      values: { url: text('') },
    });
    pods.startAfter(request);
    pods.connections.allowTo({ kind: 'addresses', cidr }, receiverPort);
    return { path: folderOf(receiver), from: { kind: 'secret', secret: request.ref }, readOnly: true };
  }
}

const matchersOf = ({ alerts }: AlertReceiver): readonly string[] => {
  switch (alerts) {
    case 'all':
      return ['alertname != "Watchdog"'];
    case 'critical':
      return ['alertname != "Watchdog"', 'severity = "critical"'];
    case 'watchdog':
      return ['alertname = "Watchdog"'];
    default:
      return alerts satisfies never;
  }
};

/** No name of a receiver has a slash. */
const receiverOf = ({ name }: ToldHandler): string => `plinth/${name}`;

/** alertmanager.yml: every receiver hears what it asked for, and nobody hears what nobody asked for. */
export const alertmanagerConfig = (
  receivers: readonly AlertReceiver[],
  handlers: readonly ToldHandler[] = [],
): object => ({
  route: {
    receiver: nobody,
    group_by: ['alertname', 'job', 'namespace', 'team'],
    group_wait: '30s',
    group_interval: '5m',
    repeat_interval: '4h',
    routes: [
      ...receivers.map((receiver) => ({
        receiver: receiver.name,
        matchers: matchersOf(receiver),
        // A dead man's switch that is silent for hours looks dead.
        ...(receiver.alerts === 'watchdog' ? { group_interval: '1m', repeat_interval: '5m' } : {}),
        continue: true,
      })),
      ...handlers.map((handler) => ({
        receiver: receiverOf(handler),
        matchers: [`alertname =~ "${handler.alerts.join('|')}"`],
        group_by: handler.groupBy,
        // Long enough for alerts that one evaluation found.
        group_wait: '10s',
        group_interval: '1m',
        repeat_interval: `${handler.repeat.toSeconds()}s`,
        continue: true,
      })),
    ],
  },
  inhibit_rules: [
    {
      source_matchers: ['alertname =~ "TargetDown|TargetMissing"'],
      target_matchers: ['severity = "warning"', 'alertname != "Watchdog"'],
      equal: ['job'],
    },
  ],
  receivers: [
    { name: nobody },
    ...receivers.map((receiver) => ({
      name: receiver.name,
      webhook_configs: [{ url_file: `${folderOf(receiver)}/url`, send_resolved: true }],
    })),
    ...handlers.map((handler) => ({
      name: receiverOf(handler),
      webhook_configs: [
        {
          url: handler.url,
          send_resolved: true,
          http_config: {
            authorization: { type: 'Bearer', credentials_file: `${tokenFolderOf(handler.name)}/token` },
            follow_redirects: false,
          },
        },
      ],
    })),
  ],
});
