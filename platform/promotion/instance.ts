import { openAsBlob } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { InstanceError, type InstanceOptions, isMissing, MlflowRest } from './rest.ts';

const tags = z.array(z.object({ key: z.string(), value: z.string() })).default([]);
const version = z.object({
  name: z.string(),
  version: z.string(),
  run_id: z.string().optional(),
  description: z.string().optional(),
  status: z.string().optional(),
  tags,
});
const run = z.object({
  info: z.object({ run_id: z.string(), artifact_uri: z.string().optional() }),
  data: z
    .object({
      params: tags,
      metrics: z.array(z.object({ key: z.string(), value: z.number(), timestamp: z.number() })).default([]),
      tags,
    })
    .default({ params: [], metrics: [], tags: [] }),
});
const listing = z.object({
  files: z.array(z.object({ path: z.string(), is_dir: z.boolean().default(false) })).default([]),
});

export type Tags = Readonly<Record<string, string>>;

export interface ModelVersion {
  readonly version: string;
  readonly runId: string | undefined;
  readonly description: string | undefined;
  readonly ready: boolean;
  readonly tags: Tags;
}

export interface Run {
  readonly artifacts: string | undefined;
  readonly params: Tags;
  readonly metrics: readonly { readonly key: string; readonly value: number; readonly timestamp: number }[];
  readonly tags: Tags;
}

const mapOf = (list: z.infer<typeof tags>): Tags =>
  Object.fromEntries(list.map(({ key, value }) => [key, value]));
const listOf = (map: Tags) => Object.entries(map).map(([key, value]) => ({ key, value }));

const scheme = 'mlflow-artifacts:/';

/** One MLflow, one workspace of it. Artifacts pass through the server. */
export class MlflowInstance {
  readonly #rest: MlflowRest;

  constructor(options: InstanceOptions) {
    this.#rest = new MlflowRest(options);
  }

  get url(): string {
    return this.#rest.url;
  }

  async version(name: string, number: string): Promise<ModelVersion> {
    const query = new URLSearchParams({ name, version: number });
    const answer = await this.#rest.ask('GET', `model-versions/get?${query}`);
    return asVersion(z.object({ model_version: version }).parse(answer).model_version);
  }

  /** Every version of a model; none of a model that isn't registered. */
  async versions(name: string): Promise<readonly ModelVersion[]> {
    const found: ModelVersion[] = [];
    const schema = z.object({
      model_versions: z.array(version).default([]),
      next_page_token: z.string().optional(),
    });
    let page: string | undefined;
    do {
      const filter = `name = '${name.replaceAll("'", "''")}'`;
      const query = new URLSearchParams({ filter, max_results: '200', ...(page && { page_token: page }) });
      const answer = schema.parse(await this.#rest.ask('GET', `model-versions/search?${query}`));
      found.push(...answer.model_versions.map(asVersion));
      page = answer.next_page_token;
    } while (page !== undefined && page !== '');
    return found;
  }

  /** Where the files of a version are. */
  async location(name: string, number: string): Promise<string> {
    const query = new URLSearchParams({ name, version: number });
    const answer = await this.#rest.ask('GET', `model-versions/get-download-uri?${query}`);
    return z.object({ artifact_uri: z.string() }).parse(answer).artifact_uri;
  }

  async run(id: string): Promise<Run> {
    const answer = await this.#rest.ask('GET', `runs/get?${new URLSearchParams({ run_id: id })}`);
    const { info, data } = z.object({ run }).parse(answer).run;
    return {
      artifacts: info.artifact_uri,
      params: mapOf(data.params),
      metrics: data.metrics,
      tags: mapOf(data.tags),
    };
  }

  /** Paths of all files below a location, relative to it. */
  async files(location: string, below = ''): Promise<readonly string[]> {
    const path = [this.#path(location), below].filter((part) => part !== '').join('/');
    const answer = await this.#rest.answer(
      'GET',
      `${this.url}/api/2.0/mlflow-artifacts/artifacts?${new URLSearchParams({ path })}`,
    );
    const { files } = listing.parse(await answer.json());
    const found: string[] = [];
    for (const each of files) {
      // A name is joined to a folder of this machine: a server doesn't get to choose one above it.
      if (each.path.split('/').some((part) => part === '' || part === '.' || part === '..'))
        throw new InstanceError(`${this.url} lists an artifact named ${JSON.stringify(each.path)}`);
      const relative = below === '' ? each.path : `${below}/${each.path}`;
      if (each.is_dir) found.push(...(await this.files(location, relative)));
      else found.push(relative);
    }
    return found;
  }

  /** Writes one file of a location to `folder`, below the same path. */
  async download(location: string, file: string, folder: string): Promise<void> {
    const answer = await this.#rest.answer('GET', this.#artifact(location, file));
    const target = join(folder, file);
    await mkdir(dirname(target), { recursive: true });
    const handle = await open(target, 'wx');
    try {
      for await (const chunk of answer.body ?? []) await handle.write(chunk);
    } finally {
      await handle.close();
    }
  }

  /** Writes one file of `folder` to a location, below the same path. */
  async upload(location: string, file: string, folder: string): Promise<void> {
    const body = await openAsBlob(join(folder, file));
    await this.#rest.answer('PUT', this.#artifact(location, file), body);
  }

  /** Makes an experiment unless there is one. Resolves to its id. */
  async experiment(name: string): Promise<string> {
    const known = async () => {
      const query = new URLSearchParams({ experiment_name: name });
      const answer = await this.#rest.ask('GET', `experiments/get-by-name?${query}`);
      return z.object({ experiment: z.object({ experiment_id: z.string() }) }).parse(answer).experiment
        .experiment_id;
    };
    try {
      return await known();
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    const answer = await this.#rest.ask('POST', 'experiments/create', { name });
    return z.object({ experiment_id: z.string() }).parse(answer).experiment_id;
  }

  async startRun(experiment: string, name: string, own: Tags): Promise<{ id: string; artifacts: string }> {
    const answer = await this.#rest.ask('POST', 'runs/create', {
      experiment_id: experiment,
      run_name: name,
      start_time: Date.now(),
      tags: listOf(own),
    });
    const { info } = z.object({ run }).parse(answer).run;
    if (info.artifact_uri === undefined)
      throw new InstanceError(`${this.url} names no place for a run's artifacts`);
    return { id: info.run_id, artifacts: info.artifact_uri };
  }

  async logRun(id: string, { params, metrics }: Pick<Run, 'params' | 'metrics'>): Promise<void> {
    // What MLflow takes at once.
    for (let at = 0; at < Object.keys(params).length; at += 100)
      await this.#rest.ask('POST', 'runs/log-batch', {
        run_id: id,
        params: listOf(params).slice(at, at + 100),
      });
    for (let at = 0; at < metrics.length; at += 1000)
      await this.#rest.ask('POST', 'runs/log-batch', {
        run_id: id,
        metrics: metrics.slice(at, at + 1000).map((each) => ({ ...each, step: 0 })),
      });
  }

  async endRun(id: string, status: 'FINISHED' | 'FAILED'): Promise<void> {
    await this.#rest.ask('POST', 'runs/update', { run_id: id, status, end_time: Date.now() });
  }

  async startModel(
    experiment: string,
    runId: string,
    name: string,
  ): Promise<{ id: string; artifacts: string }> {
    const answer = await this.#rest.ask('POST', 'logged-models', {
      experiment_id: experiment,
      name,
      source_run_id: runId,
    });
    const info = z.object({ model_id: z.string(), artifact_uri: z.string() });
    const { model } = z.object({ model: z.object({ info }) }).parse(answer);
    return { id: model.info.model_id, artifacts: model.info.artifact_uri };
  }

  async endModel(id: string): Promise<void> {
    await this.#rest.ask('PATCH', `logged-models/${encodeURIComponent(id)}`, {
      model_id: id,
      status: 'LOGGED_MODEL_READY',
    });
  }

  /** Makes a version, and the registered model before the first. Resolves to its number. */
  async register(
    name: string,
    made: { modelId: string; runId: string; description: string | undefined; tags: Tags },
  ): Promise<string> {
    try {
      await this.#rest.ask('POST', 'registered-models/create', { name });
    } catch (error) {
      if (!(error instanceof InstanceError) || error.code !== 'RESOURCE_ALREADY_EXISTS') throw error;
    }
    const answer = await this.#rest.ask('POST', 'model-versions/create', {
      name,
      source: `models:/${made.modelId}`,
      run_id: made.runId,
      model_id: made.modelId,
      description: made.description ?? '',
      tags: listOf(made.tags),
    });
    return z.object({ model_version: version }).parse(answer).model_version.version;
  }

  async setAlias(name: string, alias: string, number: string): Promise<void> {
    await this.#rest.ask('POST', 'registered-models/alias', { name, alias, version: number });
  }

  /** What a person finds a version by. */
  describe(name: string, number: string): string {
    const { url, workspace } = this.#rest;
    const where = workspace === undefined ? url : `${url} (workspace ${workspace})`;
    return `${name} version ${number} of ${where}`;
  }

  #path(location: string): string {
    if (!location.startsWith(scheme))
      throw new InstanceError(
        `${this.url} keeps artifacts at ${location.split('/', 3).join('/')}…; only an MLflow that serves artifacts itself (--serve-artifacts) can give or take them`,
      );
    return location.slice(scheme.length).replace(/^\/+/, '');
  }

  #artifact(location: string, file: string): string {
    const path = [...this.#path(location).split('/'), ...file.split('/')].map(encodeURIComponent).join('/');
    return `${this.url}/api/2.0/mlflow-artifacts/artifacts/${path}`;
  }
}

const asVersion = (found: z.infer<typeof version>): ModelVersion => ({
  version: found.version,
  runId: found.run_id || undefined,
  description: found.description || undefined,
  ready: found.status === undefined || found.status === 'READY',
  tags: mapOf(found.tags),
});
