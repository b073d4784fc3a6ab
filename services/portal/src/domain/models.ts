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

/** By team: several may have a model of one name. */
export const queries = {
  rate: 'sum by (team, model) (rate(plinth_gateway_requests_total{model!=""}[5m]))',
  errors:
    'sum by (team, model) (rate(plinth_gateway_requests_total{model!="",code=~"5.."}[5m])) / sum by (team, model) (rate(plinth_gateway_requests_total{model!=""}[5m]))',
  latency:
    'histogram_quantile(0.95, sum by (le, team, model) (rate(plinth_gateway_request_seconds_bucket{model!=""}[5m])))',
  /** 1 for a version that is watched, whether it drifted or not. */
  watched: 'max by (team, model) (plinth_drift_window_rows)',
  drifted: 'max by (team, model, field) (ALERTS{alertname="PredictionDrift",alertstate="firing"})',
} as const;

export type Samples = Readonly<Record<keyof typeof queries, readonly Sample[]>>;

type Named = Pick<Model, 'team' | 'name'>;

const isOf =
  ({ team, name }: Named) =>
  ({ labels }: Sample): boolean =>
    labels['team'] === team && labels['model'] === name;

const measuredOf = (model: Named, samples: Samples | undefined): Measured => {
  const sampleOf = (of: keyof Samples) => samples?.[of].find(isOf(model))?.value;
  const rate = sampleOf('rate');
  return {
    rate,
    errors: rate === undefined ? undefined : (sampleOf('errors') ?? 0),
    latency: sampleOf('latency'),
    drifted:
      sampleOf('watched') === undefined
        ? undefined
        : (samples?.drifted ?? [])
            .filter(isOf(model))
            .map(({ labels }) => labels['field'] ?? '')
            .sort(),
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
      measured: measuredOf({ team, name }, samples),
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
      measured: measuredOf(each, samples),
    });
  }
  return [...all.values()].sort(
    (a, b) =>
      Number(b.served !== undefined) - Number(a.served !== undefined) ||
      a.team.localeCompare(b.team) ||
      a.name.localeCompare(b.name),
  );
};
