import type { Quota } from '../upstreams/objects.ts';

/** How much of what a team may have it uses. */
export interface Use {
  readonly title: string;
  /** Both in `unit`. */
  readonly used: number;
  readonly hard: number;
  readonly unit: string;
}

const factors: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** A quantity as Kubernetes writes it: `250m`, `12Gi`, `3`. */
export const quantity = (text: string): number => {
  const [, number = '0', suffix = ''] = /^([\d.]+)([A-Za-z]*)$/.exec(text) ?? [];
  return Number(number) * (factors[suffix] ?? 1);
};

/** Resources that people of a team think in, in the order of the page. */
const shown = [
  { resource: 'requests.cpu', title: 'CPU', unit: 'cores', per: 1 },
  { resource: 'limits.memory', title: 'Memory', unit: 'GiB', per: 2 ** 30 },
  { resource: 'requests.storage', title: 'Storage', unit: 'GiB', per: 2 ** 30 },
  { resource: 'pods', title: 'Pods', unit: 'pods', per: 1 },
] as const;

/** Resources without a limit don't show. */
export const usesOf = (quotas: readonly Quota[]): readonly Use[] =>
  shown.flatMap(({ resource, title, unit, per }) => {
    // With several quotas the tightest one decides.
    const [tightest] = quotas
      .flatMap(({ status }) => {
        const hard = status.hard[resource];
        return hard === undefined
          ? []
          : [{ hard: quantity(hard) / per, used: quantity(status.used[resource] ?? '0') / per }];
      })
      .sort((a, b) => a.hard - a.used - (b.hard - b.used));
    return tightest === undefined ? [] : [{ title, unit, ...tightest }];
  });
