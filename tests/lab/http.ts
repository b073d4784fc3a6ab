import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { labFile } from './support.ts';

export interface Answer {
  readonly url: string;
  readonly status: number;
  readonly location: string | undefined;
  /** Each as `name=value`; without a value it is taken back. */
  readonly cookies: readonly string[];
  readonly body: string;
}

export interface Question {
  readonly form?: Readonly<Record<string, string>>;
  /** Sent as JSON in place of a form. */
  readonly json?: unknown;
  /** Sent as it is, said to be JSON. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly string[];
  /** Unset: POST where it has a form or JSON, or else GET. */
  readonly method?: string;
  /** How long the other end may be silent. */
  readonly seconds?: number;
}

/** One request that trusts the lab's authority and follows nothing. */
export const ask = (url: string, question: Question = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { form, json, text, headers, cookies = [], seconds = 60 } = question;
    const encoded = form === undefined ? undefined : new URLSearchParams(form).toString();
    const body = text ?? (json === undefined ? encoded : JSON.stringify(json));
    const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
    const sent = request(
      url,
      {
        method: question.method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          // Without a length Node.js sends no body with DELETE.
          ...(body === undefined
            ? {}
            : { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) }),
          ...(cookies.length === 0 ? {} : { cookie: cookies.join('; ') }),
          ...headers,
        },
        ca: readFileSync(labFile('ca.crt')),
        timeout: seconds * 1000,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            url,
            status: response.statusCode ?? 0,
            location: response.headers.location,
            cookies: (response.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';', 1)[0] ?? ''),
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer of ${url} within ${seconds} s`)));
    sent.on('error', reject);
    sent.end(body);
  });

/** Where Keycloak's page to sign in at sends its form. */
const formOf = ({ url, status, location, body }: Answer): string => {
  const action = /<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"/.exec(body)?.[1];
  if (action === undefined)
    throw new Error(`no page to sign in at: ${url} ${status} ${location ?? ''} ${body.slice(0, 500)}`);
  return action.replaceAll('&amp;', '&');
};

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Fills in the page to sign in at by what sends its form: `send` is told where to and what. */
export const fillIn = (
  page: Answer,
  { username, password }: Login,
  send: (url: string, question: Question) => Promise<Answer>,
): Promise<Answer> => send(formOf(page), { form: { username, password, credentialId: '' } });
