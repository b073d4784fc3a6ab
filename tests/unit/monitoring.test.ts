import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { image } from '../../constructs/catalogue/index.ts';
import { alertmanagerConfig } from '../../constructs/prometheus/alertmanager.ts';
import { contextOf } from '../../lab/images/content.ts';
import { checkTree } from '../../platform/checks/index.ts';
import { find, manifestsOf } from '../support/manifests.ts';
import { fileOf, type Manifest, monitored, rulesOf, unsigned } from '../support/monitoring.ts';

const root = join(import.meta.dirname, '../..');
const composition = monitored();
const manifests = manifestsOf<Manifest>(composition);
const alerts = rulesOf(manifests).filter(({ alert }) => alert !== undefined);
const named = (folder: string, extension: string): readonly string[] =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith(extension) && file !== 'README.md')
    .map((file) => file.slice(0, -extension.length))
    .sort();
const alertNames = alerts.map(({ alert = '' }) => alert).sort();

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly command: readonly string[];
          readonly resources: object;
          readonly startupProbe: object;
        }[];
      };
    };
  };
}

interface ScrapeConfig {
  readonly job_name: string;
  readonly sample_limit?: number;
  readonly kubernetes_sd_configs?: readonly { readonly namespaces?: { readonly names: readonly string[] } }[];
}
const scrapes = (parse(fileOf(manifests, 'prometheus.yml')) as { scrape_configs: readonly ScrapeConfig[] })
  .scrape_configs;

describe('alerts', () => {
  test('have a name each, a runbook and a test, and none of these is left over', () => {
    expect(new Set(alertNames).size).toBe(alertNames.length);
    expect(named('docs/runbooks', '.md')).toEqual(alertNames);
    expect(named('tests/rules', '.yaml')).toEqual(alertNames);
  });

  test.each(alertNames)('%s: its test has it fire, its annotation leads to its runbook', (name) => {
    const alert = alerts.find((each) => each.alert === name);
    expect(alert?.labels?.['severity']).toMatch(/^(critical|warning)$/);
    expect(alert?.annotations?.['summary']).not.toBe('');
    const runbook = alert?.annotations?.['runbook'] ?? 'none';
    expect(existsSync(join(root, runbook))).toBe(true);
    const headings = readFileSync(join(root, runbook), 'utf8').match(/^#+ .*$/gm);
    expect(headings).toEqual([`# ${name}`, '## Look', '## Mend']);
    const { tests } = parse(readFileSync(join(root, 'tests/rules', `${name}.yaml`), 'utf8')) as {
      tests: readonly {
        alert_rule_test: readonly { alertname: string; exp_alerts: readonly object[] }[];
      }[];
    };
    const expectations = tests.flatMap(({ alert_rule_test: each }) => each);
    expect(expectations.every(({ alertname }) => alertname === name)).toBe(true);
    expect(expectations.some(({ exp_alerts: fired }) => fired.length > 0)).toBe(true);
  });

  test('name no series of a recording that nothing records', () => {
    const rules = rulesOf(manifests);
    const recorded = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])));
    const used = rules.flatMap(({ expr }) => expr.match(/\b[a-z_]+:[a-z0-9_]+:[a-z0-9_]+/g) ?? []);
    for (const name of used) expect([...recorded]).toContain(name);
  });
});

describe('Prometheus', () => {
  test('asks everything that the platform runs and every team, each under its own name', () => {
    const jobs = scrapes.map(({ job_name: job }) => job);
    expect(new Set(jobs).size).toBe(jobs.length);
    for (const job of [
      'airflow-dag-processor',
      'airflow-scheduler',
      'alertmanager',
      'alertmanager-sign-in',
      'containers',
      'gateway',
      'hub',
      'hub-proxy',
      'identity-sync',
      'inference-gateway',
      'keycloak',
      'kubelet',
      'kubernetes-api',
      'mlflow',
      'models-team-a',
      'models-team-b',
      'nodes',
      'object-store',
      'postgres-metrics',
      'prediction-log',
      'prometheus',
      'spark-drivers-team-a',
      'spark-drivers-team-b',
      'spark-executors-team-a',
      'spark-executors-team-b',
      'spark-operator',
      'spark-team-a-sign-in',
      'spark-team-b-sign-in',
      'prometheus-sign-in',
      'pulumi-apply',
      'team-a',
      'team-b',
      'team-metrics',
    ])
      expect(jobs).toContain(job);
  });

  test('limits what a team can make it keep, and nothing of the platform', () => {
    const limited = scrapes.filter(({ sample_limit: limit }) => limit !== undefined);
    expect(limited.map(({ job_name: job }) => job).sort()).toEqual([
      'models-team-a',
      'models-team-b',
      'spark-drivers-team-a',
      'spark-drivers-team-b',
      'spark-executors-team-a',
      'spark-executors-team-b',
      'team-a',
      'team-b',
    ]);
  });

  test('may list pods in exactly the namespaces that it asks, and read no Secret anywhere', () => {
    const roles = manifests.filter(
      ({ kind, metadata }) => kind === 'Role' && metadata.name === 'plinth-prometheus',
    );
    const asked = scrapes.flatMap(({ kubernetes_sd_configs: found = [] }) =>
      found.flatMap(({ namespaces }) => namespaces?.names ?? []),
    );
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual([...new Set(asked)].sort());
    const cluster = manifests.filter(
      ({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === 'plinth-prometheus',
    );
    const resources = [...roles, ...cluster].flatMap(({ rules = [] }) =>
      rules.flatMap(({ resources: names = [] }) => names),
    );
    expect([...new Set(resources)].sort()).toEqual(['nodes', 'nodes/metrics', 'pods']);
  });

  test('has no right on nodes where their addresses are not given', () => {
    const without = manifestsOf<Manifest>(monitored({ monitoring: { kind: 'on' } }));
    const rules = without
      .filter(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === 'plinth-prometheus')
      .flatMap(({ rules: all = [] }) => all);
    expect(rules.flatMap(({ resources = [] }) => resources)).toEqual([]);
    expect(rulesOf(without).map(({ alert }) => alert)).not.toContain('VolumeFillsUp');
  });

  test('misses what is switched off neither in its jobs nor in its alerts', () => {
    const without = manifestsOf<Manifest>(monitored({ mlflow: { kind: 'off' }, promoter: { kind: 'off' } }));
    const missing = rulesOf(without).find(({ alert }) => alert === 'TargetMissing');
    expect(missing?.expr).not.toContain('mlflow');
    expect(fileOf(without, 'prometheus.yml')).not.toContain('mlflow');
  });

  test('has the memory that the environment gives it, and time to read its log', () => {
    const serverOf = (memoryGiB?: number) => {
      const monitoring = { kind: 'on', ...(memoryGiB === undefined ? {} : { memoryGiB }) } as const;
      const all = manifestsOf<Workload>(monitored({ monitoring }));
      return find(all, 'StatefulSet', 'monitoring/prometheus').spec.template.spec.containers[0];
    };
    const resources = (request: string, limit: string) => ({
      requests: { memory: request },
      limits: { memory: limit },
    });
    expect(serverOf()?.resources).toMatchObject(resources('256Mi', '1024Mi'));
    expect(serverOf(16)?.resources).toMatchObject(resources('4096Mi', '16384Mi'));
    expect(serverOf()?.startupProbe).toMatchObject({ periodSeconds: 2, failureThreshold: 450 });
  });

  test('is a tree without mistakes', () => {
    expect(checkTree(composition.app)).toEqual([]);
  });
});

describe('Alertmanager', () => {
  const receiver = { secret: 'pager', cidr: '192.0.2.0/24', port: 443 };
  const route = (kind: 'all' | 'critical' | 'watchdog') =>
    alertmanagerConfig([{ ...receiver, name: 'pager', alerts: kind }]);

  test('tells nobody by default', () => {
    expect(alertmanagerConfig([])).toMatchObject({
      route: { receiver: 'nobody', routes: [] },
      receivers: [{ name: 'nobody' }],
    });
  });

  test('tells a receiver what it asked for, at an address that only its Secret knows', () => {
    expect(route('critical')).toMatchObject({
      route: {
        routes: [
          {
            receiver: 'pager',
            matchers: ['alertname != "Watchdog"', 'severity = "critical"'],
            continue: true,
          },
        ],
      },
      receivers: [
        { name: 'nobody' },
        { name: 'pager', webhook_configs: [{ url_file: '/etc/plinth/receivers/pager/url' }] },
      ],
    });
    expect(route('watchdog')).toMatchObject({
      route: { routes: [{ matchers: ['alertname = "Watchdog"'], repeat_interval: '5m' }] },
    });
  });

  test('reaches its receivers and nothing else', () => {
    const receivers = [{ name: 'pager', ...receiver }] as const;
    const all = manifestsOf<Manifest>(
      monitored({ ...unsigned, monitoring: { kind: 'on', receivers: [...receivers] } }),
    );
    const policy = all.find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'alertmanager',
    );
    expect(policy).toMatchObject({
      spec: {
        egress: [{ to: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ port: 443 }] }],
        ingress: [{ ports: [{ port: 9093 }] }],
      },
    });
  });

  test('refuses two receivers of one name, with what to do', () => {
    const twice = [
      { name: 'pager', ...receiver },
      { name: 'pager', ...receiver, secret: 'other' },
    ];
    expect(() => monitored({ monitoring: { kind: 'on', receivers: twice } })).toThrow(
      /monitoring\.receivers: .*expected receivers with a name and a Secret each, rename/,
    );
  });
});

describe('from outside', () => {
  const flags = (name: string): readonly string[] =>
    composition.app.charts
      .flatMap((chart) => chart.toJson() as readonly Workload[])
      .filter(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)
      .flatMap(({ spec }) => spec.template.spec.containers.flatMap(({ command }) => command));
  const allowed = (name: string): readonly string[] =>
    flags(name).filter((flag) => flag.startsWith('--allowed-group='));

  test('administrators alone see the pages, teams only the proxy that holds them to their label', () => {
    expect(allowed('prometheus-sign-in')).toEqual(['--allowed-group=platform-admins']);
    expect(allowed('alertmanager-sign-in')).toEqual(['--allowed-group=platform-admins']);
    expect(allowed('metrics-sign-in')).toEqual([
      ...['--allowed-group=platform-admins', '--allowed-group=team-a', '--allowed-group=team-b'],
    ]);
    expect(flags('metrics-sign-in')).toContain(
      '--upstream=http://team-metrics.monitoring.svc.cluster.local:8080',
    );
    expect(flags('team-metrics')).toContain('--label=team');
  });

  test('nothing is open without a sign-in', () => {
    const { exposures } = monitored(unsigned);
    for (const { name } of exposures) expect(['prometheus', 'alertmanager', 'metrics']).not.toContain(name);
  });
});

test.each([
  ['prometheus', (version: string) => `v0.${version.replace(/^(\d+)\.(\d)\./, '$1.0$2.').replace('.', '')}`],
  ['alertmanager', (version: string) => `v${version}`],
  ['oauth2-proxy', (version: string) => `v${version}`],
  ['postgres-exporter', (version: string) => `v${version}`],
  ['prom-label-proxy', (version: string) => `v${version}`],
  ['registry', (version: string) => `v${version}`],
] as const)('%s: the version is that of the module in go.mod', (name, moduleVersion) => {
  const required = readFileSync(join(contextOf(name), 'go.mod'), 'utf8');
  expect(required).toMatch(
    new RegExp(
      `github\\.com/[a-z0-9-]+/${name.replace('postgres-', 'postgres_').replace('registry', 'distribution')}(/v\\d+)? ${moduleVersion(image(name).version).replaceAll('.', '\\.')}\\b`,
    ),
  );
});
