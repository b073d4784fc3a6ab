/** An MLflow refused a request or can't be reached; the message names the server and its reason. */
export class InstanceError extends Error {
  readonly code: string;

  constructor(message: string, code = '', options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface InstanceOptions {
  /** Where MLflow answers, such as `https://mlflow.example.com`. */
  readonly url: string;
  readonly workspace?: string;
  /** A bearer token. */
  readonly token?: string;
}

/** MLflow's REST API as one person sees one workspace. */
export class MlflowRest {
  readonly url: string;
  readonly workspace: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, workspace, token }: InstanceOptions) {
    this.url = url.replace(/\/+$/, '');
    this.workspace = workspace;
    this.#headers = {
      ...(workspace !== undefined && { 'x-mlflow-workspace': workspace }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
  }

  /** What a path below the tracking API answers. */
  async ask(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await this.answer(
      method,
      `${this.url}/api/2.0/mlflow/${path}`,
      body === undefined ? undefined : JSON.stringify(body),
      { 'content-type': 'application/json' },
    );
    return answer.json();
  }

  /** The answer of any address of this server. Throws `InstanceError` for every one but 2xx. */
  async answer(
    method: string,
    url: string,
    body?: string | Blob,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const answer = await fetch(url, {
      method,
      headers: { ...this.#headers, ...headers },
      ...(body !== undefined && { body }),
    }).catch((error: unknown) => {
      const reason = error instanceof Error ? String(error.cause ?? error.message) : String(error);
      throw new InstanceError(`${this.url} doesn't answer: ${reason}`, '', { cause: error });
    });
    if (answer.ok) return answer;
    const text = await answer.text();
    throw refusal(`${this.url} answers ${method} ${new URL(url).pathname} with ${answer.status}`, text);
  }
}

/** True for what MLflow doesn't have. */
export const isMissing = (error: unknown): boolean =>
  error instanceof InstanceError && error.code === 'RESOURCE_DOES_NOT_EXIST';

const refusal = (what: string, text: string): InstanceError => {
  try {
    const { error_code = '', message = '' } = JSON.parse(text) as { error_code?: string; message?: string };
    return new InstanceError(`${what}: ${message || error_code}`, error_code);
  } catch {
    return new InstanceError(`${what}: ${text.slice(0, 300)}`);
  }
};
