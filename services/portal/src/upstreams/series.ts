import { z } from 'zod';
import { bearer, type Client } from './client.ts';

const labels = z.record(z.string(), z.string());
const point = z.tuple([z.number(), z.string()]);
const vector = z.object({
  data: z.object({ result: z.array(z.object({ metric: labels, value: point })) }),
});
const matrix = z.object({
  data: z.object({ result: z.array(z.object({ metric: labels, values: z.array(point) })) }),
});

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One line of a chart; a point that isn't there is null. */
export interface Line {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly (number | null)[];
}

export interface Range {
  /** In seconds since the epoch, as are the times of the answer. */
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

const finite = (text: string): number | null => {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
};

/**
 * Prometheus through the view that takes the person's own token: that puts the person's teams into every selector, so
 * no query here names one.
 */
export class Series {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Series whose value isn't a number are left out. Throws `Unanswered`. */
  async now(token: string, query: string): Promise<readonly Sample[]> {
    const { data } = await this.#ask(vector, token, 'query', { query });
    return data.result.flatMap(({ metric, value: [, text] }) => {
      const value = finite(text);
      return value === null ? [] : [{ labels: metric, value }];
    });
  }

  /** Throws `Unanswered`. */
  async between(token: string, query: string, range: Range): Promise<readonly Line[]> {
    const { from, to, step } = range;
    const asked = { query, start: String(from), end: String(to), step: String(step) };
    const { data } = await this.#ask(matrix, token, 'query_range', asked);
    const length = Math.floor((to - from) / step) + 1;
    return data.result.map(({ metric, values }) => {
      const line = Array.from<number | null>({ length }).fill(null);
      for (const [time, text] of values) line[Math.round((time - from) / step)] = finite(text);
      return { labels: metric, values: line };
    });
  }

  #ask<Schema extends z.ZodType>(
    schema: Schema,
    token: string,
    what: 'query' | 'query_range',
    form: Readonly<Record<string, string>>,
  ): Promise<z.output<Schema>> {
    return this.#client.json(schema, `/api/v1/${what}?${new URLSearchParams(form)}`, {
      headers: bearer(token),
    });
  }
}
