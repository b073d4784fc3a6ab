import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, ask } from './http.ts';
import { teamToken } from './sign-in.ts';
import { askPrometheus, endpoint, eventually, labFile, secretValue } from './support.ts';

const tokens = new Map<string, { readonly text: Promise<string>; readonly until: number }>();

/** A token of a team's machines; renewed long before it expires. */
export const tokenOf = (team: string): Promise<string> => {
  const known = tokens.get(team);
  if (known !== undefined && performance.now() < known.until) return known.text;
  const text = teamToken(team);
  tokens.set(team, { text, until: performance.now() + 45_000 });
  return text;
};

const bearer = async (team: string): Promise<Readonly<Record<string, string>>> => ({
  authorization: `Bearer ${await tokenOf(team)}`,
});

export interface Rollout {
  readonly version: string;
  readonly phase: string;
  readonly outcome: string | null;
  readonly reason: string | null;
}

export interface Story {
  readonly model: { readonly serving: string | null; readonly rollout: Rollout | null };
  readonly rollouts: readonly Rollout[];
  /** The newest first. */
  readonly audit: readonly {
    readonly at: string;
    /** Who did it: the promoter, `alias`, or a person. */
    readonly actor: string;
    readonly event: string;
    readonly detail: Readonly<Record<string, unknown>>;
  }[];
}

export const story = async (team: string, model: string): Promise<Story> => {
  const answer = await ask(`${endpoint('promoter').url}/models/${model}/rollouts`, {
    headers: await bearer(team),
  });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
  return JSON.parse(answer.body) as Story;
};

/** Until the newest rollout of the model is of this version, and over. */
export const over = (team: string, model: string, version: number | string): Promise<Story> =>
  eventually(
    `the rollout of ${model}, version ${version}, is over`,
    () => story(team, model),
    ({ rollouts }) => rollouts[0]?.version === String(version) && rollouts[0].phase === 'done',
    600,
  );

export interface Delivery {
  readonly body?: string;
  readonly id?: string;
  /** In milliseconds. */
  readonly at?: number;
  /** Unset: the one that the registry has. */
  readonly secret?: string;
}

/** As MLflow sends an event. */
export const deliver = async ({ body = '', id = randomUUID(), at, secret }: Delivery): Promise<Answer> => {
  const timestamp = String(Math.floor((at ?? Date.now()) / 1000));
  const key = secret ?? (await secretValue('serving', 'promoter-webhook', 'secret'));
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return ask(`${endpoint('promoter').url}/webhooks/mlflow`, {
    text: body,
    headers: {
      'x-mlflow-delivery-id': id,
      'x-mlflow-timestamp': timestamp,
      'x-mlflow-signature': `v1,${mac}`,
    },
  });
};

export const queried = async (expr: string): Promise<number> => {
  const { data } = await askPrometheus<{ data: { result: { value: [number, string] }[] } }>(
    `/api/v1/query?query=${encodeURIComponent(expr)}`,
  );
  return Number(data.result[0]?.value[1] ?? 0);
};

const input = JSON.stringify({
  inputs: [
    { name: 'distance', shape: [1, 1], datatype: 'FP64', data: [500] },
    { name: 'hour', shape: [1, 1], datatype: 'FP64', data: [12] },
  ],
});

/** What one prediction answered: its value, or what went wrong. */
const predict = (agent: Agent, model: string, token: string, id: string): Promise<string> =>
  new Promise((resolve) => {
    const sent = request(
      `${endpoint('models').url}/v2/models/${model}/infer`,
      {
        method: 'POST',
        agent,
        timeout: 30_000,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(input),
          authorization: `Bearer ${token}`,
          'x-request-id': id,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        const text = (): string => Buffer.concat(chunks).toString('utf8');
        response.on('error', (error) => resolve(error.message));
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          if (response.statusCode !== 200) return resolve(`${response.statusCode} ${text().slice(0, 200)}`);
          const { outputs } = JSON.parse(text()) as { outputs: { data: unknown[] }[] };
          const [value] = outputs[0]?.data ?? [];
          resolve(typeof value === 'number' ? String(Math.round(value)) : `answered ${value}`);
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer within half a minute')));
    sent.on('error', (error) => resolve(error.message));
    sent.end(input);
  });

/** A client that asks these models in turn, 20 times a second in all, until it is stopped. */
export class Traffic {
  /** How often each model answered what. */
  readonly answers = new Map<string, Map<string, number>>();
  /** Ids of requests that were answered, in order, by model. */
  readonly ids = new Map<string, string[]>();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32, ca: readFileSync(labFile('ca.crt')) });
  readonly #team: string;
  readonly #models: readonly string[];
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(team: string, models: readonly string[]) {
    this.#team = team;
    this.#models = models;
    this.#running = this.#run();
  }

  /** The different answers of a model. */
  of(model: string): readonly string[] {
    return [...(this.answers.get(model)?.keys() ?? [])].sort();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    const open = new Set<Promise<void>>();
    const begun = performance.now();
    for (let count = 0; !this.#stopped; count += 1) {
      const model = this.#models[count % this.#models.length] ?? '';
      const token = await tokenOf(this.#team);
      const one = this.#ask(model, token).finally(() => open.delete(one));
      open.add(one);
      await pause(Math.max(0, begun + (count + 1) * 50 - performance.now()));
    }
    await Promise.all(open);
  }

  async #ask(model: string, token: string): Promise<void> {
    const id = randomUUID();
    const answer = await predict(this.#agent, model, token, id);
    const counts = this.answers.get(model) ?? new Map<string, number>();
    this.answers.set(model, counts.set(answer, (counts.get(answer) ?? 0) + 1));
    this.ids.set(model, [...(this.ids.get(model) ?? []), id]);
  }
}
