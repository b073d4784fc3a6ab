import { z } from 'zod';
import { bearer, type Client, Unanswered } from './client.ts';

const version = z.union([z.string(), z.number()]).transform(String);

const models = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      team: z.string(),
      serving: version.nullable(),
      traffic: z.array(z.object({ version, weight: z.number(), mirror: z.boolean().default(false) })),
      rollout: z
        .object({
          version,
          phase: z.string(),
          step: z.number(),
          steps: z.array(z.looseObject({ kind: z.string(), weight: z.number().optional() })),
          reason: z.string().nullish(),
        })
        .nullable(),
    }),
  ),
});

export type ServedModel = z.output<typeof models>['models'][number];

const failure = z.object({ error: z.string() });

/** The promoter, asked with the person's own token: what it shows and does is what the person may see and do. */
export class Promoter {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Models of the person's teams. Throws `Unanswered`. */
  async models(token: string): Promise<readonly ServedModel[]> {
    return (await this.#client.json(models, '/models', { headers: bearer(token) })).models;
  }

  /** Throws `Unanswered` with the promoter's own words where it refuses. */
  async decide(token: string, model: string, decision: 'rollback' | 'approve', body: object): Promise<void> {
    const { status, text } = await this.#client.ask(`/models/${encodeURIComponent(model)}/${decision}`, {
      method: 'POST',
      headers: { ...bearer(token), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (status === 202) return;
    let said: string | undefined;
    try {
      said = failure.safeParse(JSON.parse(text)).data?.error;
    } catch {
      said = undefined;
    }
    throw new Unanswered(said ?? `${this.#client.name} answers ${status}`, status);
  }
}
