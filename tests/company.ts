import { closeSync, createReadStream, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * Lets something run beside other things: it says into a file what it has to say, that it is alive every minute, and
 * what was in the file, in one piece, at the end. `work` gets the file's descriptor.
 */
export const inCompany = async <T>(name: string, work: (output: number) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-stage-'));
  const output = join(folder, 'output');
  const file = openSync(output, 'w');
  const begun = performance.now();
  const elapsed = (): string => ((performance.now() - begun) / 1000).toFixed(0);
  console.log(`--- ${name} begins`);
  const pulse = setInterval(
    () => console.log(`--- ${name} is at it for ${elapsed()} s (its output: ${output})`),
    60_000,
  );
  try {
    return await work(file);
  } finally {
    clearInterval(pulse);
    closeSync(file);
    console.log(`\n=== ${name}`);
    await pipeline(createReadStream(output), process.stdout, { end: false });
    rmSync(folder, { recursive: true, force: true });
  }
};
