import { request } from 'undici';
import { z } from 'zod';
import type { MeasureRequest, Meter } from './control/ports.ts';
import type { Measured } from './domain/rollout.ts';

const answer = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })),
  }),
});

/** Rates need two scrapes at least. In seconds. */
const shortest = 75;

const quoted = (text: string): string => JSON.stringify(text);

const selector = (labels: Readonly<Record<string, string>>, more = ''): string =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(',')}${more}}`;

/**
 * How much a counter grew. A series that wasn't there when the window began counts from nothing: `increase` alone
 * would miss what it had when it was first seen.
 */
export const growth = (series: string, window: number): string =>
  `sum(increase(${series}[${window}s]) and ${series} offset ${window}s or (${series} unless ${series} offset ${window}s))`;

/** The questions about one step, by what they answer. */
export const questions = (wanted: MeasureRequest) => {
  const { model, version, stable, step, gates } = wanted;
  const window = Math.max(shortest, Math.ceil(wanted.seconds));
  const candidate = { model, version };
  const seconds = (labels: Readonly<Record<string, string>>): string =>
    `histogram_quantile(${gates.quantile}, sum by (le) (rate(plinth_gateway_attempt_seconds_bucket${selector(labels)}[${window}s])))`;
  const mirrored = (results: string): string =>
    growth(`plinth_gateway_mirrors_total${selector(candidate, `,result=~${quoted(results)}`)}`, window);
  const shadow = step.kind === 'shadow';
  // Whatever the stable predictor had to answer for is a failure: errors, time-outs, and answers that are none.
  const fallbacks = growth(`plinth_gateway_fallbacks_total${selector(candidate)}`, window);
  // Callers' requests only: among attempts are the copies of a shadow that has just ended.
  const answered = growth(`plinth_gateway_requests_total${selector(candidate)}`, window);
  return {
    requests: shadow
      ? mirrored('match|differ|failed|incomparable')
      : `(${answered} or vector(0)) + (${fallbacks} or vector(0))`,
    failures: shadow ? mirrored('failed') : fallbacks,
    ...(shadow ? { differing: mirrored('differ') } : {}),
    seconds: seconds(candidate),
    ...(stable === null ? {} : { stableSeconds: seconds({ model, version: stable }) }),
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
      return {
        requests: count('requests'),
        failures: count('failures'),
        differing: count('differing'),
        seconds: found['seconds'] ?? null,
        stableSeconds: found['stableSeconds'] ?? null,
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
