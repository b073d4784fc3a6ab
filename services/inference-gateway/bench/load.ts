import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';

export interface Load {
  readonly origin: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly perSecond: number;
  readonly seconds: number;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

/**
 * Open loop: requests begin by the clock, whether or not earlier ones are answered, and latency counts from when
 * one should have begun. So a stall is seen by every request that it would have hit.
 */
export const load = async ({ origin, path, headers, body, perSecond, seconds }: Load): Promise<Latency> => {
  const pool = new Pool(origin, { connections: 64, pipelining: 1 });
  const milliseconds: number[] = [];
  let failed = 0;
  const send = async (due: number) => {
    try {
      const reply = await pool.request({ path, method: 'POST', headers, body });
      await reply.body.dump();
      if (reply.statusCode !== 200) failed += 1;
    } catch {
      failed += 1;
    }
    milliseconds.push(performance.now() - due);
  };
  const begun = performance.now();
  const sent: Promise<void>[] = [];
  for (let i = 0; i < perSecond * seconds; i += 1) {
    const due = begun + (i * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 0) await pause(wait);
    // A timer may be a fraction of a millisecond early.
    sent.push(send(Math.min(due, performance.now())));
  }
  await Promise.all(sent);
  await pool.close();
  milliseconds.sort((a, b) => a - b);
  const at = (share: number) => milliseconds[Math.floor(milliseconds.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), failed };
};
