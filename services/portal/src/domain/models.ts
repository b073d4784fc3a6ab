import type { ServedModel } from '../upstreams/promoter.ts';
import type { RegisteredModel } from '../upstreams/registry.ts';
import type { Sample } from '../upstreams/series.ts';

/** What is known of one model, of whom ever. Undefined: nobody said. */
export interface Model {
  readonly team: string;
  readonly name: string;
  readonly latest: string | undefined;
  readonly champion: string | undefined;
  readonly served: ServedModel | undefined;
  readonly measured: Measured;
}

export interface Measured {
  /** Requests a second. */
  readonly rate: number | undefined;
  /** Share between 0 and 1. */
  readonly errors: number | undefined;
  /** 95 of 100 answers come within it. In seconds. */
  readonly latency: number | undefined;
  /** Fields that aren't as they were in training. */
  readonly drifted: readonly string[] | undefined;
}

export const queries = {
  rate: 'sum by (model) (rate(plinth_gateway_requests_total{model!=""}[5m]))',
  errors:
    'sum by (model) (rate(plinth_gateway_requests_total{model!="",code=~"5.."}[5m])) / sum by (model) (rate(plinth_gateway_requests_total{model!=""}[5m]))',
  latency:
    'histogram_quantile(0.95, sum by (le, model) (rate(plinth_gateway_request_seconds_bucket{model!=""}[5m])))',
  /** 1 for a version that is watched, whether it drifted or not. */
  watched: 'max by (model) (plinth_drift_window_rows)',
  drifted: 'max by (model, field) (ALERTS{alertname="PredictionDrift",alertstate="firing"})',
} as const;

export type Samples = Readonly<Record<keyof typeof queries, readonly Sample[]>>;

const sampleOf = (samples: readonly Sample[] | undefined, model: string): number | undefined =>
  samples?.find(({ labels }) => labels['model'] === model)?.value;

const measuredOf = (name: string, samples: Samples | undefined): Measured => {
  const rate = sampleOf(samples?.rate, name);
  const watched = sampleOf(samples?.watched, name) !== undefined;
  return {
    rate,
    errors: rate === undefined ? undefined : (sampleOf(samples?.errors, name) ?? 0),
    latency: sampleOf(samples?.latency, name),
    drifted: watched
      ? (samples?.drifted ?? [])
          .filter(({ labels }) => labels['model'] === name)
          .map(({ labels }) => labels['field'] ?? '')
          .sort()
      : undefined,
  };
};

export interface ModelSources {
  readonly served: readonly ServedModel[];
  readonly registered: readonly RegisteredModel[];
  readonly samples: Samples | undefined;
}

/** Models that are served or registered, those that answer requests first. */
export const modelsOf = ({ served, registered, samples }: ModelSources): readonly Model[] => {
  const all = new Map<string, Model>();
  for (const { team, name, latest, champion } of registered)
    all.set(`${team}/${name}`, {
      ...{ team, name, latest, champion, served: undefined },
      measured: measuredOf(name, samples),
    });
  for (const each of served) {
    const key = `${each.team}/${each.name}`;
    const known = all.get(key);
    all.set(key, {
      team: each.team,
      name: each.name,
      latest: known?.latest,
      champion: known?.champion,
      served: each,
      measured: measuredOf(each.name, samples),
    });
  }
  return [...all.values()].sort(
    (a, b) =>
      Number(b.served !== undefined) - Number(a.served !== undefined) ||
      a.team.localeCompare(b.team) ||
      a.name.localeCompare(b.name),
  );
};
