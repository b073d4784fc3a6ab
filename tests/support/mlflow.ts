import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

type Tags = readonly { readonly key: string; readonly value: string }[];

interface Run {
  readonly info: { readonly run_id: string; readonly artifact_uri: string; status: string };
  readonly data: { params: object[]; metrics: object[]; readonly tags: Tags };
}

interface Version {
  readonly name: string;
  readonly version: string;
  readonly source: string;
  readonly run_id?: string;
  readonly status: string;
  readonly tags: Tags;
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

class Refused extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * A stand-in for MLflow's registry, runs and served artifacts, as far as a promotion asks for them; the real one is
 * asked in the lab. It keeps everything in memory, where tests look and break it.
 */
export class FakeMlflow {
  readonly runs = new Map<string, Run>();
  readonly versions: Version[] = [];
  readonly files = new Map<string, Buffer>();
  readonly aliases = new Map<string, string>();
  /** What was asked, but for reading. */
  readonly changes: string[] = [];
  /** What is done with each file that comes in. */
  store: (content: Buffer, path: string) => Buffer = (content) => content;
  token: string | undefined;
  readonly #server = createServer((request, response) => {
    void this.#answer(request).then(
      ({ status, body }) => response.writeHead(status).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  #next = 1;

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await new Promise((resolve) => this.#server.once('listening', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A version of a model with these files, logged by a run with these tags. */
  add(
    name: string,
    files: Readonly<Record<string, string>>,
    runTags: Readonly<Record<string, string>>,
  ): void {
    const run = this.#run(Object.entries(runTags).map(([key, value]) => ({ key, value })));
    const id = `m-${this.#next++}`;
    for (const [path, content] of Object.entries(files))
      this.files.set(`models/${id}/${path}`, Buffer.from(content));
    this.files.set(`runs/${run.info.run_id}/plinth/baseline.json`, Buffer.from('{"rows": 7}'));
    run.data.metrics.push({ key: 'accuracy', value: 0.875, timestamp: 1 });
    run.data.params.push({ key: 'depth', value: '7' });
    this.#version(name, `models:/${id}`, run.info.run_id, []);
  }

  filesOf(version: string): Readonly<Record<string, string>> {
    const folder = this.#folder(version);
    return Object.fromEntries(
      [...this.files]
        .filter(([path]) => path.startsWith(`${folder}/`))
        .map(([path, content]) => [path.slice(folder.length + 1), content.toString()]),
    );
  }

  #run(tags: Tags): Run {
    const run_id = `run-${this.#next++}`;
    const info = { run_id, artifact_uri: `mlflow-artifacts:/runs/${run_id}`, status: 'RUNNING' };
    const run: Run = { info, data: { params: [], metrics: [], tags } };
    this.runs.set(run_id, run);
    return run;
  }

  #version(name: string, source: string, run_id: string, tags: Tags): Version {
    const version = {
      name,
      version: String(this.versions.length + 1),
      source,
      run_id,
      status: 'READY',
      tags,
    };
    this.versions.push(version);
    return version;
  }

  #folder(version: string): string {
    const found = this.versions.find((each) => each.version === version);
    if (found === undefined) throw new Refused('RESOURCE_DOES_NOT_EXIST', `no version ${version}`);
    return found.source.replace('models:/', 'models/');
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: string | Buffer }> {
    const url = new URL(request.url ?? '/', 'http://mlflow');
    const body = await bodyOf(request);
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`)
      return { status: 401, body: '' };
    const artifact = url.pathname.split('/mlflow-artifacts/artifacts')[1];
    try {
      if (artifact !== undefined)
        return { status: 200, body: this.#artifact(request.method, artifact.slice(1), url, body) };
      const asked = url.pathname.replace('/api/2.0/mlflow/', '');
      if (request.method !== 'GET') this.changes.push(asked);
      const given = body.length > 0 ? JSON.parse(body.toString()) : Object.fromEntries(url.searchParams);
      return { status: 200, body: JSON.stringify(this.#ask(asked, given)) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { status: 400, body: JSON.stringify({ error_code: error.code, message: error.message }) };
    }
  }

  #artifact(method: string | undefined, path: string, url: URL, body: Buffer): string | Buffer {
    if (method === 'PUT') {
      this.files.set(path, this.store(body, path));
      return '{}';
    }
    if (path !== '') return this.files.get(path) ?? '';
    const folder = `${url.searchParams.get('path')}/`;
    const names = [...this.files.keys()]
      .filter((each) => each.startsWith(folder))
      .map((each) => each.slice(folder.length).split('/'));
    const files = new Map(names.map(([name, ...rest]) => [name, { path: name, is_dir: rest.length > 0 }]));
    return JSON.stringify({ files: [...files.values()] });
  }

  // biome-ignore lint/suspicious/noExplicitAny: what a client sends is looked at by the one that answers it
  #ask(asked: string, given: any): object {
    switch (asked) {
      case 'model-versions/get':
        this.#folder(given.version);
        return { model_version: this.versions.find(({ version }) => version === given.version) };
      case 'model-versions/search':
        return { model_versions: this.versions };
      case 'model-versions/get-download-uri':
        return { artifact_uri: `mlflow-artifacts:/${this.#folder(given.version)}` };
      case 'runs/get':
        return { run: this.runs.get(given.run_id) };
      case 'experiments/get-by-name':
        throw new Refused('RESOURCE_DOES_NOT_EXIST', 'no such experiment');
      case 'experiments/create':
        return { experiment_id: '1' };
      case 'runs/create':
        return { run: this.#run(given.tags) };
      case 'runs/log-batch': {
        const data = this.runs.get(given.run_id)?.data;
        data?.params.push(...(given.params ?? []));
        data?.metrics.push(...(given.metrics ?? []));
        return {};
      }
      case 'runs/update': {
        const run = this.runs.get(given.run_id);
        if (run !== undefined) run.info.status = given.status;
        return {};
      }
      case 'logged-models': {
        const model_id = `m-${this.#next++}`;
        return { model: { info: { model_id, artifact_uri: `mlflow-artifacts:/models/${model_id}` } } };
      }
      case 'registered-models/create':
        throw new Refused('RESOURCE_ALREADY_EXISTS', 'there is one');
      case 'model-versions/create':
        return { model_version: this.#version(given.name, given.source, given.run_id, given.tags) };
      case 'registered-models/alias':
        this.aliases.set(given.alias, given.version);
        return {};
      default:
        if (asked.startsWith('logged-models/')) return {};
        throw new Refused('ENDPOINT_NOT_FOUND', asked);
    }
  }
}
