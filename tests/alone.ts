import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from '../lab/support/lock.ts';

/**
 * What there is once, and tests that run side by side would take from each other: the host's mounts, networks and
 * processes, which some change and others compare; and in the lab the servers of a person at the hub, MLflow without
 * a break, the accounts as the environment declares them, and a prediction log that loses nothing. Who needs several
 * takes them in this order, so that no two wait for each other.
 */
const all = [
  'host',
  'server of scientist-a',
  'server of scientist-b',
  'mlflow',
  'accounts',
  'prediction log',
] as const;
export type Shared = (typeof all)[number];

/** Holds it while `work` runs. */
export const alone = <T>(shared: Shared, work: () => Promise<T>): Promise<T> =>
  withLock(join(tmpdir(), 'plinth-tests', shared.replaceAll(' ', '-')), work);

/**
 * Holds them during all tests of the file. To be called outside of every `describe`, and before other hooks there: what
 * blocks clean up comes before the release.
 */
export const holdsAlone = (...shared: readonly Shared[]): void => {
  for (const each of all) if (shared.includes(each)) holdsOne(each);
};

const holdsOne = (shared: Shared): void => {
  let release = (): void => undefined;
  let over = false;
  // Longer than the longest stage that changes the host.
  const patience = 60 * 60_000;
  beforeAll(
    () =>
      new Promise<void>((resolve, reject) => {
        alone(shared, () => {
          resolve();
          return new Promise<void>((done) => {
            release = done;
            // Who waited in vain gives it back as soon as it has it.
            if (over) done();
          });
        }).catch(reject);
      }),
    patience,
  );
  afterAll(() => {
    over = true;
    release();
  });
};
