import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from '../lab/support/lock.ts';

/**
 * What there is once, and tests that run side by side would take from each other: the host's mounts, networks and
 * processes, which some change and others compare; and in the lab the server of `scientist-a` at the hub, MLflow
 * without a break, and the accounts as the environment declares them.
 */
export type Shared = 'host' | 'server of scientist-a' | 'mlflow' | 'accounts';

/** Holds it while `work` runs. */
export const alone = <T>(shared: Shared, work: () => Promise<T>): Promise<T> =>
  withLock(join(tmpdir(), 'plinth-tests', shared.replaceAll(' ', '-')), work);

/** Holds it during all tests of the file, or of the block, that calls this before its own set-up. */
export const holdsAlone = (shared: Shared): void => {
  let release = (): void => undefined;
  let held: Promise<void> = Promise.resolve();
  // Longer than anybody else holds it.
  const patience = 25 * 60_000;
  beforeAll(
    () =>
      new Promise<void>((resolve, reject) => {
        held = alone(shared, () => {
          resolve();
          return new Promise<void>((done) => {
            release = done;
          });
        });
        held.catch(reject);
      }),
    patience,
  );
  afterAll(() => {
    release();
    return held;
  });
};
