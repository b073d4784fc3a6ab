import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboardFiles } from '../../scripts/dashboards.ts';
import { makeProbe, removeProbe } from './probe.ts';
import { askPrometheus, eventually } from './support.ts';

jest.setTimeout(10 * 60_000);

interface Dashboard {
  readonly title: string;
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

interface Matcher {
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

/** A query as Prometheus itself reads it. */
interface Node {
  readonly type: string;
  readonly matchers?: readonly Matcher[];
  readonly [key: string]: unknown;
}

interface Documented {
  readonly rare: readonly string[];
  readonly components: Readonly<
    Record<
      string,
      {
        readonly job: string;
        readonly names: readonly string[];
        readonly onlyAfterFirst: readonly string[];
        readonly values: readonly string[];
      }
    >
  >;
}

const documented = JSON.parse(
  readFileSync(join(import.meta.dirname, 'documented-metrics.json'), 'utf8'),
) as Documented;
const components = Object.values(documented.components);

const panels = [...dashboardFiles()].flatMap(([, text]) => {
  const dashboard = JSON.parse(text) as Dashboard;
  return dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [`${dashboard.title}: ${title}`, expr] as const),
  );
});

const data = async <T>(path: string): Promise<T> => (await askPrometheus<{ data: T }>(path)).data;
const query = (expr: string) =>
  data<{ result: readonly unknown[] }>(`/api/v1/query?query=${encodeURIComponent(expr)}`);
const seriesOf = (selector: string) =>
  data<readonly unknown[]>(`/api/v1/series?limit=1&match[]=${encodeURIComponent(selector)}`);

const selectorsOf = (node: unknown): readonly (readonly Matcher[])[] => {
  if (typeof node !== 'object' || node === null) return [];
  if (Array.isArray(node)) return node.flatMap(selectorsOf);
  const { type, matchers, ...rest } = node as Node;
  const own = /^(vector|matrix)Selector$/.test(type) && matchers !== undefined ? [matchers] : [];
  return [...own, ...Object.values(rest).flatMap(selectorsOf)];
};

const written = ({ name, type, value }: Matcher): string => `${name}${type}"${value}"`;

/** Why a selector can never find a series; undefined where it can. */
const hopeless = async (
  matchers: readonly Matcher[],
  jobs: ReadonlySet<string>,
): Promise<string | undefined> => {
  const selector = (kept: readonly Matcher[]): string => `{${kept.map(written).join(',')}}`;
  if ((await seriesOf(selector(matchers))).length > 0) return undefined;
  const usual = matchers.filter((each) => !documented.rare.includes(written(each)));
  if (usual.length < matchers.length && (await seriesOf(selector(usual))).length > 0) return undefined;
  const name = matchers.find((each) => each.name === '__name__')?.value ?? '';
  const owner = components.find(({ names }) => names.includes(name));
  if (owner !== undefined)
    return !jobs.has(owner.job) || owner.onlyAfterFirst.includes(name)
      ? undefined
      : `${owner.job} is there, and has no ${name}`;
  const values = components.flatMap((each) => each.values);
  const known = usual.filter((each) => !values.includes(written(each)));
  if (known.length < usual.length && (await seriesOf(selector(known))).length > 0) return undefined;
  return `nothing has series ${selector(matchers)}, and no component's documentation names it`;
};

/** Something that a team runs: without it no series would be a team's. */
const probe = { namespace: 'team-a', name: 'probe-panels' };
afterAll(() => removeProbe(probe));

let jobs: ReadonlySet<string>;
beforeAll(async () => {
  await makeProbe(probe);
  const names = await eventually(
    'Prometheus has targets',
    () => data<readonly string[]>('/api/v1/label/job/values'),
    (all) => all.includes('kubelet') && all.includes('mlflow'),
  );
  jobs = new Set(names);
  await eventually(
    "the team's containers are measured",
    () =>
      Promise.all(
        ['container_memory_working_set_bytes', 'container_cpu_usage_seconds_total'].map((name) =>
          seriesOf(`${name}{team="team-a"}`),
        ),
      ),
    (all) => all.every((series) => series.length > 0),
  );
});

test.each(panels)('%s', async (_, expr) => {
  const { result } = await query(expr);
  if (result.length > 0) return;
  const selectors = selectorsOf(await data<Node>(`/api/v1/parse_query?query=${encodeURIComponent(expr)}`));
  expect(selectors.length).toBeGreaterThan(0);
  const found = await Promise.all(selectors.map((each) => hopeless(each, jobs)));
  expect(found.filter((why) => why !== undefined)).toEqual([]);
});

test.each([
  'sum(rate(mlflow_http_requests_totall[5m]))',
  'sum(container_memory_working_set_bytes{container="no-such-container"})',
])('a panel with %s would be found out', async (expr) => {
  const selectors = selectorsOf(await data<Node>(`/api/v1/parse_query?query=${encodeURIComponent(expr)}`));
  const found = await Promise.all(selectors.map((each) => hopeless(each, jobs)));
  expect(found.filter((why) => why !== undefined)).toHaveLength(1);
});
