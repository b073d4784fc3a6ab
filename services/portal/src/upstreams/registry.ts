import { z } from 'zod';
import { bearer, type Client } from './client.ts';

const found = z.object({
  registered_models: z
    .array(
      z.object({
        name: z.string(),
        latest_versions: z.array(z.object({ version: z.coerce.string() })).default([]),
        aliases: z.array(z.object({ alias: z.string(), version: z.coerce.string() })).default([]),
      }),
    )
    .default([]),
});

export interface RegisteredModel {
  readonly team: string;
  readonly name: string;
  readonly latest: string | undefined;
  readonly champion: string | undefined;
}

/** MLflow's registry, asked with the person's own token: a team's workspace has the team's name. */
export class Registry {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  get url(): string {
    return this.#client.url;
  }

  /** Throws `Unanswered`. */
  async models(token: string, team: string): Promise<readonly RegisteredModel[]> {
    const { registered_models } = await this.#client.json(
      found,
      '/api/2.0/mlflow/registered-models/search?max_results=100',
      { headers: { ...bearer(token), 'x-mlflow-workspace': team } },
    );
    return registered_models.map(({ name, latest_versions, aliases }) => ({
      team,
      name,
      latest: latest_versions
        .map(({ version }) => version)
        .sort((a, b) => Number(a) - Number(b))
        .at(-1),
      champion: aliases.find(({ alias }) => alias === 'champion')?.version,
    }));
  }
}
