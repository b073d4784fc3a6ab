/** An answer that everybody may share for a short while; who asks meanwhile waits for the same one. */
export class Fresh<T> {
  readonly #milliseconds: number;
  readonly #known = new Map<string, { readonly answer: Promise<T>; readonly at: number }>();

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** A failure isn't shared with who asks later. */
  get(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#known.get(key);
    if (known !== undefined && performance.now() - known.at < this.#milliseconds) return known.answer;
    const answer = ask();
    const kept = { answer, at: performance.now() };
    this.#known.set(key, kept);
    answer.catch(() => this.#known.get(key) === kept && this.#known.delete(key));
    return answer;
  }

  /** Something was changed: the next one asks again. */
  forget(key: string): void {
    this.#known.delete(key);
  }
}
