/** Why a request got no turn. */
export type Refusal = 'full' | 'late';

interface Waiting {
  readonly begin: () => void;
  readonly timer: NodeJS.Timeout;
}

/** At most `concurrent` at a time and `queued` waiting, first come first served; everyone else is refused at once. */
export class Limiter {
  readonly #concurrent: number;
  readonly #queued: number;
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  constructor(concurrent: number, queued: number) {
    this.#concurrent = concurrent;
    this.#queued = queued;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whoever enters now is refused. */
  get full(): boolean {
    return this.#running >= this.#concurrent && this.#waiting.size >= this.#queued;
  }

  /** Resolves to the function that gives the turn back, or to why there is none. `gone` gives a waiting place up. */
  enter(waitMs: number, gone: AbortSignal): (() => void) | Promise<(() => void) | Refusal> | Refusal {
    if (this.#running < this.#concurrent) {
      this.#running += 1;
      return this.#leave();
    }
    if (this.full) return 'full';
    return new Promise((resolve) => {
      const refuse = () => {
        clearTimeout(waiting.timer);
        gone.removeEventListener('abort', refuse);
        if (this.#waiting.delete(waiting)) resolve('late');
      };
      const waiting: Waiting = {
        timer: setTimeout(refuse, waitMs),
        begin: () => {
          clearTimeout(waiting.timer);
          gone.removeEventListener('abort', refuse);
          resolve(this.#leave());
        },
      };
      gone.addEventListener('abort', refuse);
      this.#waiting.add(waiting);
    });
  }

  #leave(): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#running -= 1;
        return;
      }
      this.#waiting.delete(next);
      next.begin();
    };
  }
}
