import { attempt } from '../domain/attempt.ts';
import type { Line, Series } from '../upstreams/series.ts';

/** One chart as assets/portal.js draws it. */
interface Chart {
  /** In seconds since the epoch. */
  readonly time: readonly number[];
  readonly lines: readonly { readonly label: string; readonly values: readonly (number | null)[] }[];
  /** Why there is nothing; empty where there is. */
  readonly why: string;
}

const queries = {
  rate: 'sum by (team, model, version) (rate(plinth_gateway_requests_total{model!="",version!=""}[2m]))',
  latency:
    'histogram_quantile(0.95, sum by (le, team, model, version) (rate(plinth_gateway_request_seconds_bucket{model!=""}[2m])))',
} as const;

const minutes = 30;
const step = 30;
/** More lines than this can't be told apart. */
const most = 8;

/** The team is said where there are several: each may have a model of that name. */
const labelsOf = (lines: readonly Line[]): readonly string[] => {
  const several = new Set(lines.map(({ labels }) => labels['team'])).size > 1;
  return lines.map(
    ({ labels: { team, model = '', version = '' } }) =>
      `${model} v${version}${several && team !== undefined ? ` of ${team}` : ''}`,
  );
};

/** The last half hour of the person's models. */
export const chartsOf = async (
  series: Series | undefined,
  token: string,
  now: number,
): Promise<Readonly<Record<keyof typeof queries, Chart>>> => {
  const to = Math.floor(now / 1000 / step) * step;
  const from = to - minutes * 60;
  const time = Array.from({ length: (minutes * 60) / step + 1 }, (_, index) => from + index * step);
  const chart = async (query: string): Promise<Chart> => {
    if (series === undefined) return { time, lines: [], why: 'nothing is measured in this environment' };
    const found = await attempt(() => series.between(token, query, { from, to, step }));
    if (found.kind === 'missing') return { time, lines: [], why: found.why };
    const labels = labelsOf(found.value);
    const lines = found.value
      .map(({ values }, index) => ({ label: labels[index] ?? '', values }))
      .filter(({ values }) => values.some((value) => value !== null && value > 0))
      .sort((a, b) => a.label.localeCompare(b.label))
      .slice(0, most);
    return { time, lines, why: lines.length === 0 ? `no requests in the last ${minutes} minutes` : '' };
  };
  const [rate, latency] = await Promise.all([chart(queries.rate), chart(queries.latency)]);
  return { rate, latency };
};
