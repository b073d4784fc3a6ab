import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dependencies } from './app.ts';

/** CPU milliseconds of one process: from a finished tree to written files, and altogether. */
interface Cost {
  readonly synth: number;
  readonly whole: number;
}

interface Size {
  readonly objects: number;
  readonly charts: number;
  readonly dependencies: Dependencies;
}

const scratch = mkdtempSync(join(tmpdir(), 'plinth-bench-'));
let folders = 0;

const once = (who: 'ours' | 'stock', { objects, charts, dependencies }: Size): Cost => {
  folders += 1;
  const folder = join(scratch, String(folders));
  const script = join(import.meta.dirname, 'one-run.ts');
  const args = [script, who, String(objects), String(charts), dependencies, folder];
  const output = execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 20 });
  rmSync(folder, { recursive: true, force: true });
  return JSON.parse(output) as Cost;
};

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

/** Runs take turns, so that what else the machine does hits both alike; medians of what each process spent. */
const measure = (size: Size, runs: number, stock: boolean): { ours: Cost; stock: Cost | undefined } => {
  const taken: Record<'ours' | 'stock', Cost[]> = { ours: [], stock: [] };
  for (let run = 0; run < runs; run += 1) {
    taken.ours.push(once('ours', size));
    if (stock) taken.stock.push(once('stock', size));
  }
  const middle = (costs: readonly Cost[]): Cost => ({
    synth: median(costs.map(({ synth }) => synth)),
    whole: median(costs.map(({ whole }) => whole)),
  });
  return { ours: middle(taken.ours), stock: stock ? middle(taken.stock) : undefined };
};

const columns = [9, 7, 13, 10, 10, 12, 12, 8, 8];
const line = (cells: readonly string[]): void =>
  console.log(cells.map((cell, index) => cell.padStart(columns[index] ?? 10)).join(' '));

const report = (size: Size, runs: number, stock: boolean): { ours: Cost; stock: Cost | undefined } => {
  const result = measure(size, runs, stock);
  const { ours } = result;
  const per = (cost: Cost | undefined): string =>
    cost === undefined ? '-' : ((1000 * cost.synth) / size.objects).toFixed(0);
  const ratio = (pick: (cost: Cost) => number): string =>
    result.stock === undefined ? '-' : (pick(ours) / pick(result.stock)).toFixed(2);
  line([
    String(size.objects),
    String(size.charts),
    size.dependencies,
    ours.synth.toFixed(0),
    result.stock?.synth.toFixed(0) ?? '-',
    per(ours),
    per(result.stock),
    ratio(({ synth }) => synth),
    ratio(({ whole }) => whole),
  ]);
  return result;
};

const verdicts: { readonly text: string; readonly got: number; readonly bound: number }[] = [];
const perObject = (cost: Cost, size: Size): number => cost.synth / size.objects;

try {
  once('ours', { objects: 10, charts: 1, dependencies: 'none' }); // fills the compile cache, as a first run does
  console.log(`CPU time of synthesis, ours beside stock cdk8s on Node.js ${process.version}; medians\n`);
  line([
    'objects',
    'charts',
    'dependencies',
    'ours ms',
    'stock ms',
    'ours us/obj',
    'stock us/obj',
    'synth',
    'process',
  ]);

  const small: Size = { objects: 300, charts: 8, dependencies: 'none' };
  const smallCost = report(small, 9, true);
  if (smallCost.stock !== undefined) {
    verdicts.push(
      {
        text: '300 objects: synth phase, of stock',
        got: smallCost.ours.synth / smallCost.stock.synth,
        bound: 0.25,
      },
      {
        text: '300 objects: whole process, of stock',
        got: smallCost.ours.whole / smallCost.stock.whole,
        bound: 0.6,
      },
    );
  }
  const middle: Size = { objects: 3_000, charts: 8, dependencies: 'none' };
  const base = perObject(report(middle, 5, true).ours, middle);
  const grows = (text: string, size: Size, runs: number, stock: boolean): void => {
    const got = perObject(report(size, runs, stock).ours, size) / base;
    verdicts.push({ text: `${text}: cost per object, of 3,000 objects in 8 charts`, got, bound: 1.2 });
  };
  grows('30,000 objects', { objects: 30_000, charts: 8, dependencies: 'none' }, 3, true);
  grows('200 charts', { objects: 3_000, charts: 200, dependencies: 'none' }, 5, true);
  grows('600 charts', { objects: 3_000, charts: 600, dependencies: 'none' }, 5, true);
  // Stock is exponential in dependencies between charts: there is nothing to wait for.
  grows('600 charts in a row', { objects: 3_000, charts: 600, dependencies: 'previous' }, 5, false);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

console.log();
for (const { text, got, bound } of verdicts) {
  console.log(`${got <= bound ? 'held  ' : 'BROKEN'} ${got.toFixed(2)} <= ${bound}  ${text}`);
}
if (verdicts.some(({ got, bound }) => got > bound)) process.exitCode = 1;
