/** What a stage came to, in what somebody could check: counts, ids, versions, values of metrics. */
export type Evidence = Readonly<Record<string, unknown>>;

export interface Stage {
  readonly name: string;
  readonly seconds: number;
  readonly evidence: Evidence;
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Stages as they end, each told at once. */
export class Report {
  readonly stages: Stage[] = [];
  readonly #say: (line: string) => void;
  #last = performance.now();
  readonly #begun = this.#last;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  get seconds(): number {
    return (performance.now() - this.#begun) / 1000;
  }

  /** Ends a stage that began when the one before ended, or beside others `since`. */
  ended(name: string, evidence: Evidence, since?: number): void {
    const now = performance.now();
    const seconds = (now - (since ?? this.#last)) / 1000;
    this.stages.push({ name, seconds, evidence });
    if (since === undefined) this.#last = now;
    const facts = Object.entries(evidence).map(([key, value]) => `${key}=${shown(value)}`);
    this.#say(`${name.padEnd(22)} ${seconds.toFixed(0).padStart(4)} s  ${facts.join(' ')}`);
  }

  async stage<T extends Evidence>(name: string, work: () => Promise<T>): Promise<T> {
    const evidence = await work();
    this.ended(name, evidence);
    return evidence;
  }
}
