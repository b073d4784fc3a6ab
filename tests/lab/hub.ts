import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { run } from '../../lab/support/exec.ts';
import { credentials, endpoint, labFile } from './support.ts';

export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly cookies: readonly string[];
  readonly body: string;
}

interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request that trusts the lab's authority and follows nothing. */
export const call = (url: string, { method = 'GET', headers = {}, body }: Call = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method, headers, ca: readFileSync(labFile('ca.crt')), timeout: 120_000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            location: response.headers.location,
            cookies: (response.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';', 1)[0] ?? ''),
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer of ${url} within two minutes`)));
    sent.on('error', reject);
    sent.end(body);
  });

/** Goes from page to page as a browser does, with the cookies of each host. */
class Visit {
  readonly #jars = new Map<string, Map<string, string>>();

  cookie(host: string, name: string): string | undefined {
    return this.#jars.get(host)?.get(name);
  }

  async open(url: string, options: Call = {}): Promise<Answer & { readonly url: string }> {
    let next: { readonly url: string; readonly options: Call } = { url, options };
    for (let hops = 0; hops < 20; hops += 1) {
      const { host } = new URL(next.url);
      const jar = this.#jars.get(host) ?? new Map<string, string>();
      this.#jars.set(host, jar);
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const headers = { ...next.options.headers, ...(cookie === '' ? {} : { cookie }) };
      const answer = await call(next.url, { ...next.options, headers });
      for (const each of answer.cookies) {
        const at = each.indexOf('=');
        jar.set(each.slice(0, at), each.slice(at + 1));
      }
      if (answer.status < 300 || answer.status >= 400 || answer.location === undefined)
        return { ...answer, url: next.url };
      next = { url: new URL(answer.location, next.url).href, options: {} };
    }
    throw new Error(`${url} leads in circles`);
  }
}

const address = (): string => endpoint('hub').url;

/** Signs a person in at Keycloak through the hub's own pages; resolves to the hub's last page. */
export const visitHub = async (
  account: string,
): Promise<{ readonly visit: Visit; readonly page: Answer }> => {
  const visit = new Visit();
  const form = await visit.open(`${address()}/hub/oauth_login?next=%2Fhub%2Fhome`);
  const action = /<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"/.exec(form.body)?.[1];
  if (action === undefined)
    throw new Error(`no page to sign in at: ${form.status} ${form.url} ${form.body.slice(0, 500)}`);
  const { username, password } = credentials(`id-${account}`);
  const page = await visit.open(action.replaceAll('&amp;', '&'), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ username, password, credentialId: '' }).toString(),
  });
  return { visit, page };
};

/** A token of the hub's API, as people make one on the hub's page. */
export const hubToken = async (account: string): Promise<string> => {
  const { visit, page } = await visitHub(account);
  if (page.status !== 200) throw new Error(`${account}: ${page.status} ${page.body.slice(0, 800)}`);
  const answer = await visit.open(`${address()}/hub/api/users/${account}/tokens`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-xsrftoken': visit.cookie(new URL(address()).host, '_xsrf') ?? '',
    },
    body: JSON.stringify({ note: 'lab test', expires_in: 3600 }),
  });
  if (answer.status !== 201) throw new Error(`no token for ${account}: ${answer.status} ${answer.body}`);
  return (JSON.parse(answer.body) as { token: string }).token;
};

/** Asks below the hub's address with a token. */
export const asked = (token: string, method: string, path: string, json?: unknown): Promise<Answer> =>
  call(`${address()}${path}`, {
    method,
    headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });

export interface ServerState {
  readonly ready: boolean;
  readonly pending: string | null;
}

/** The servers of a person by name, the first one's is empty. */
export const servers = async (
  token: string,
  account: string,
): Promise<Readonly<Record<string, ServerState>>> => {
  const answer = await asked(token, 'GET', `/hub/api/users/${account}`);
  if (answer.status !== 200) throw new Error(`${account}: ${answer.status} ${answer.body.slice(0, 500)}`);
  return (JSON.parse(answer.body) as { servers?: Readonly<Record<string, ServerState>> }).servers ?? {};
};

/** Runs Python in a new kernel of a server, over the kernel's websocket; resolves to what it printed. */
export const runInKernel = async (token: string, account: string, code: string): Promise<string> =>
  run(
    [process.execPath, join(import.meta.dirname, 'client/run_in_kernel.ts'), `${address()}/user/${account}`],
    {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: labFile('ca.crt'), TOKEN: token },
      input: code,
      timeoutMs: 5 * 60_000,
    },
  );
