import { request } from 'undici';
import { z } from 'zod';
import type { MeasureRequest, Meter } from './control/ports.ts';
import type { Labelled, Measured } from './domain/rollout.ts';

const answer = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })),
  }),
});

const quoted = (text: string): string => JSON.stringify(text);

const selector = (labels: Readonly<Record<string, string>>, more = ''): string =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(',')}${more}}`;

/**
 * How much each counter grew since that moment: by the newest scrape less the last one before it. What was counted anew
 * in between, or wasn't there yet, counts whole. No rate and no window: a step may be shorter than two scrapes take.
 */
export const grown = (series: string, since: number): string =>
  `((${series} - ${series} @ ${(since / 1000).toFixed(3)} >= 0) or ${series})`;

/** The questions about one step, by what they answer. */
export const questions = (wanted: MeasureRequest) => {
  const { team, model, version, stable, step, since, gates } = wanted;
  // A name that the platform routes is one team's alone, and most of the gateway's series don't say whose.
  const candidate = { model, version };
  const owned = { team, ...candidate };
  const total = (name: string, more = '', of: Readonly<Record<string, string>> = candidate): string =>
    `sum(${grown(`plinth_gateway_${name}${selector(of, more)}`, since)})`;
  const seconds = (labels: Readonly<Record<string, string>>): string =>
    `histogram_quantile(${gates.quantile}, sum by (le) (${grown(`plinth_gateway_attempt_seconds_bucket${selector(labels)}`, since)}))`;
  // What the prediction log has counted; nothing where it has no labels, or there is no such log.
  const labels = (of: Readonly<Record<string, string>>, whose: string): Readonly<Record<string, string>> =>
    Object.fromEntries(
      Object.entries({ Judged: 'judged_rows', Wrong: 'wrong_rows', Error: 'error' }).map(([key, name]) => [
        `${whose}${key}`,
        `sum(${grown(`plinth_prediction_${name}_total${selector(of)}`, since)})`,
      ]),
    );
  const mirrored = (results: string): string => total('mirrors_total', `,result=~${quoted(results)}`);
  const shadow = step.kind === 'shadow';
  // Whatever the stable predictor had to answer for is a failure: errors, time-outs, and answers that are none. What the
  // gateway had no memory to check says nothing of the candidate.
  const fallbacks = total('fallbacks_total', ',reason!="memory"');
  return {
    // Until when the slowest of the gateway's replicas has told what it counted.
    until: 'min(timestamp(plinth_gateway_config_watched))',
    requests: shadow
      ? mirrored('match|differ|unlike|failed|incomparable')
      : `(${total('requests_total', '', owned)} or vector(0)) + (${fallbacks} or vector(0))`,
    // An answer of another shape or kind is one that callers can't read.
    failures: shadow ? mirrored('failed|unlike') : fallbacks,
    ...(shadow ? { differing: mirrored('differ') } : {}),
    seconds: seconds(candidate),
    ...labels(owned, ''),
    ...(stable === null
      ? {}
      : {
          stableSeconds: seconds({ model, version: stable }),
          ...labels({ team, model, version: stable }, 'stable'),
        }),
  };
};

/** Asks Prometheus what the inference gateway has counted. */
export class PrometheusMeter implements Meter {
  readonly #url: string;
  readonly #failed: (error: unknown) => void;

  constructor(url: string, failed: (error: unknown) => void) {
    this.#url = url;
    this.#failed = failed;
  }

  async measure(wanted: MeasureRequest): Promise<Measured | undefined> {
    const asked = Object.entries(questions(wanted));
    try {
      const answers = await Promise.all(
        asked.map(async ([name, expr]) => [name, await this.#ask(expr)] as const),
      );
      const found: Readonly<Record<string, number | null>> = Object.fromEntries(answers);
      const count = (name: string): number => Math.round(found[name] ?? 0);
      const labelled = (whose: string): Labelled => ({
        rows: count(`${whose}Judged`),
        wrong: count(`${whose}Wrong`),
        error: found[`${whose}Error`] ?? 0,
      });
      const until = found['until'];
      if (until === null || until === undefined) throw new Error('prometheus: knows of no inference gateway');
      return {
        requests: count('requests'),
        failures: count('failures'),
        differing: count('differing'),
        seconds: found['seconds'] ?? null,
        stableSeconds: found['stableSeconds'] ?? null,
        labelled: labelled(''),
        stableLabelled: labelled('stable'),
        until: until * 1000,
      };
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  async #ask(expr: string): Promise<number | null> {
    const { statusCode, body } = await request(`${this.#url}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ query: expr, timeout: '10s' }).toString(),
      headersTimeout: 15_000,
      bodyTimeout: 15_000,
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`prometheus: ${statusCode} ${text.slice(0, 300)}`);
    const [first] = answer.parse(JSON.parse(text)).data.result;
    const value = Number(first?.value[1]);
    return Number.isFinite(value) ? value : null;
  }
}
