import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { labFile } from './support.ts';

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

interface Ask {
  readonly form?: Readonly<Record<string, string>>;
  /** Sent as JSON in place of a form. */
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a browser keeps: cookies by host. It trusts the lab's authority and nothing else. */
export class Session {
  readonly #cookies = new Map<string, Map<string, string>>();

  /** One request, which follows nothing. */
  ask(url: string, { form, json, headers = {} }: Ask = {}): Promise<Page> {
    const jar = this.#jar(url);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const encoded = form === undefined ? undefined : new URLSearchParams(form).toString();
    const sent = json === undefined ? encoded : JSON.stringify(json);
    const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json';
    return new Promise((resolve, reject) => {
      const asked = request(
        url,
        {
          method: sent === undefined ? 'GET' : 'POST',
          headers: {
            ...(cookie === '' ? {} : { cookie }),
            ...(sent === undefined ? {} : { 'content-type': type }),
            ...headers,
          },
          ca: readFileSync(labFile('ca.crt')),
          timeout: 60_000,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('error', reject);
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            for (const line of response.headers['set-cookie'] ?? []) {
              const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
              if (value === '') jar.delete(name);
              else jar.set(name, value);
            }
            resolve({
              url,
              status: response.statusCode ?? 0,
              location: response.headers.location,
              body: Buffer.concat(chunks).toString('utf8'),
            });
          });
        },
      );
      asked.on('timeout', () => asked.destroy(new Error(`no answer of ${url} within a minute`)));
      asked.on('error', reject);
      asked.end(sent);
    });
  }

  /** Follows redirects, also to other hosts, to the page at their end. */
  async open(url: string, ask: Ask = {}): Promise<Page> {
    let page = await this.ask(url, ask);
    for (let hops = 0; page.location !== undefined && page.status >= 300 && page.status < 400; hops++) {
      if (hops > 15) throw new Error(`${url} leads in circles, to ${page.location}`);
      page = await this.ask(new URL(page.location, page.url).href);
    }
    return page;
  }

  /** Opens a page, signs in where it leads to, and resolves to the page that comes of it. */
  async signIn(url: string, { username, password }: { username: string; password: string }): Promise<Page> {
    const page = await this.open(url);
    const action = /<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"/.exec(page.body)?.[1];
    if (action === undefined)
      throw new Error(
        `${url} leads to no page to sign in at: ${page.status} ${page.url} ${page.body.slice(0, 300)}`,
      );
    return this.open(action.replaceAll('&amp;', '&'), { form: { username, password, credentialId: '' } });
  }

  #jar(url: string): Map<string, string> {
    const { host } = new URL(url);
    const jar = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, jar);
    return jar;
  }
}
