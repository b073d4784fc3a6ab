import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks again and again until `probe` gives something other than undefined; rejects after `seconds` with `what` and
 * what the last probe failed with. A probe that throws counts as "not yet".
 */
export const waitFor = async <T>(
  what: string,
  seconds: number,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> => {
  const deadline = performance.now() + seconds * 1000;
  let pause = 50;
  let reason = '';
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined) return found;
      reason = '';
    } catch (error) {
      reason = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not after ${seconds} s${reason}`);
    await delay(pause);
    pause = Math.min(pause * 1.5, 1_000);
  }
};
