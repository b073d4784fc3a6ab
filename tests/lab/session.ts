import { type Answer, ask, fillIn, type Login, type Question } from './http.ts';

/** What a browser keeps: cookies by host. */
export class Session {
  readonly #cookies = new Map<string, Map<string, string>>();
  readonly #seconds: number;

  /** `seconds` is how long a page may let wait for it. */
  constructor(seconds = 60) {
    this.#seconds = seconds;
  }

  /** One request, which follows nothing. */
  async ask(url: string, question: Question = {}): Promise<Answer> {
    const jar = this.#jar(url);
    const cookies = [...jar].map(([name, value]) => `${name}=${value}`);
    const answer = await ask(url, { seconds: this.#seconds, ...question, cookies });
    for (const cookie of answer.cookies) {
      const [, name = '', value = ''] = /^([^=]+)=(.*)/.exec(cookie) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }

  /** Follows redirects, also to other hosts, to the page at their end. */
  async open(url: string, question: Question = {}): Promise<Answer> {
    let page = await this.ask(url, question);
    for (let hops = 0; page.location !== undefined && page.status >= 300 && page.status < 400; hops++) {
      if (hops > 15) throw new Error(`${url} leads in circles, to ${page.location}`);
      page = await this.ask(new URL(page.location, page.url).href);
    }
    return page;
  }

  /** Opens a page, signs in where it leads to, and resolves to the page that comes of it. */
  async signIn(url: string, login: Login): Promise<Answer> {
    return fillIn(await this.open(url), login, (to, form) => this.open(to, form));
  }

  cookie(url: string, name: string): string | undefined {
    return this.#jar(url).get(name);
  }

  #jar(url: string): Map<string, string> {
    const { host } = new URL(url);
    const jar = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, jar);
    return jar;
  }
}
