import { request } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly location: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

interface Sent {
  readonly method?: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Keeps cookies and follows addresses as a browser does; what makes it one is sent with each form. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #home: string;

  constructor(home: string) {
    this.#home = home;
  }

  /** One request, without following where it leads. */
  ask(path: string, { method, form, headers = {} }: Sent = {}): Promise<Reply> {
    const url = new URL(path, this.#home);
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    const own = url.origin === new URL(this.#home).origin;
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return new Promise((resolve, reject) => {
      const asked = request(
        url,
        {
          method: method ?? (body === undefined ? 'GET' : 'POST'),
          headers: {
            ...(own && cookie !== '' ? { cookie } : {}),
            ...(body === undefined
              ? {}
              : {
                  'content-type': 'application/x-www-form-urlencoded',
                  'content-length': String(Buffer.byteLength(body)),
                  origin: new URL(this.#home).origin,
                  'sec-fetch-site': 'same-origin',
                }),
            ...headers,
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part) => {
            text += part;
          });
          response.on('end', () => {
            if (own) this.#keep(response.headers['set-cookie'] ?? []);
            resolve({
              status: response.statusCode ?? 0,
              location: response.headers.location,
              headers: response.headers,
              body: text,
            });
          });
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }

  /** Follows until something other than a redirect comes. */
  async open(path: string, sent: Sent = {}): Promise<Reply> {
    let reply = await this.ask(path, sent);
    for (let hops = 0; reply.location !== undefined; hops += 1) {
      if (hops === 10) throw new Error(`${path} leads on and on`);
      reply = await this.ask(new URL(reply.location, new URL(path, this.#home)).href);
    }
    return reply;
  }

  /** Presses the button of a page that leads there; what no button of the page does has the page's token alone. */
  async press(page: Reply, action: string, more: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const [, rest = ''] = page.body.split(`<form method="post" action="${action}">`);
    const [form = ''] = rest.split('</form>');
    const fields = [...form.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const hidden = Object.fromEntries(fields.map(([, name = '', value = '']) => [name, value]));
    return this.ask(action, { form: { token: tokenOf(page), ...hidden, ...more } });
  }

  #keep(set: readonly string[]): void {
    for (const each of set) {
      const [pair = ''] = each.split(';');
      const [name = '', ...value] = pair.split('=');
      if (/Max-Age=0/.test(each)) this.cookies.delete(name);
      else this.cookies.set(name, value.join('='));
    }
  }
}

export const tokenOf = ({ body }: Reply): string => /name="token" value="([^"]+)"/.exec(body)?.[1] ?? '';
