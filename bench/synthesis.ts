import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
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
  /** How often it is measured, in as many rounds at most. */
  readonly runs: number;
  /** Stock is exponential in dependencies between charts: there is nothing to wait for. */
  readonly stock: boolean;
}

const small: Size = { objects: 300, charts: 8, dependencies: 'none', runs: 15, stock: true };
const middle: Size = { objects: 3_000, charts: 8, dependencies: 'none', runs: 5, stock: true };
const grown: readonly Size[] = [
  { objects: 30_000, charts: 8, dependencies: 'none', runs: 3, stock: true },
  { objects: 3_000, charts: 200, dependencies: 'none', runs: 5, stock: true },
  { objects: 3_000, charts: 600, dependencies: 'none', runs: 5, stock: true },
  { objects: 3_000, charts: 600, dependencies: 'previous', runs: 5, stock: false },
];
const sizes = [small, middle, ...grown];

// In memory where possible: how busy the disk is isn't what is measured.
const memory = '/dev/shm';
const scratch = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'plinth-bench-'));
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

const ours = new Map<Size, Cost[]>(sizes.map((size) => [size, []]));
const stock = new Map<Size, Cost[]>(sizes.map((size) => [size, []]));

/** One after the other in rounds, so that what else the machine does hits all alike. */
const measure = (): void => {
  once('ours', { ...small, objects: 10 }); // fills the compile cache, as a first run does
  const rounds = Math.max(...sizes.map(({ runs }) => runs));
  for (let round = 0; round < rounds; round += 1) {
    for (const size of sizes.filter(({ runs }) => round < runs)) {
      ours.get(size)?.push(once('ours', size));
      if (size.stock) stock.get(size)?.push(once('stock', size));
    }
  }
};

const perObject = ({ synth }: Cost, { objects }: Size): number => (1000 * synth) / objects;

/** Median over the rounds of what a run cost as a share of another run of the same round. */
const share = (
  mine: readonly Cost[] = [],
  others: readonly Cost[] = [],
  pick: (cost: Cost) => number = ({ synth }) => synth,
): number =>
  median(
    mine.flatMap((cost, round) => {
      const other = others[round];
      return other === undefined ? [] : [pick(cost) / pick(other)];
    }),
  );

const whole = ({ whole: cost }: Cost): number => cost;

const columns = [9, 7, 13, 10, 10, 12, 13, 8, 8];
const line = (cells: readonly string[]): void =>
  console.log(cells.map((cell, index) => cell.padStart(columns[index] ?? 10)).join(' '));

const table = (): void => {
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
  for (const size of sizes) {
    const [own, theirs] = [ours.get(size) ?? [], stock.get(size) ?? []];
    const number = (value: number, digits: number): string =>
      Number.isNaN(value) ? '-' : value.toFixed(digits);
    const synth = (costs: readonly Cost[]): string => number(median(costs.map((cost) => cost.synth)), 0);
    const each = (costs: readonly Cost[]): string =>
      number(median(costs.map((cost) => perObject(cost, size))), 0);
    line([
      ...[String(size.objects), String(size.charts), size.dependencies],
      ...[synth(own), synth(theirs), each(own), each(theirs)],
      ...[number(share(own, theirs), 2), number(share(own, theirs, whole), 2)],
    ]);
  }
};

/** What was promised; false if something isn't held. */
const verdicts = (): boolean => {
  const base = 'cost per object, of that of 3,000 objects in 8 charts';
  const checks = [
    {
      what: '300 objects in 8 charts: synth phase, of stock',
      got: share(ours.get(small), stock.get(small)),
      bound: 0.25,
    },
    {
      what: '300 objects in 8 charts: whole process, of stock',
      got: share(ours.get(small), stock.get(small), whole),
      bound: 0.6,
    },
    ...grown.map((size) => ({
      what: `${size.objects} objects in ${size.charts} charts, dependencies ${size.dependencies}: ${base}`,
      got: (share(ours.get(size), ours.get(middle)) * middle.objects) / size.objects,
      bound: 1.2,
    })),
  ];
  for (const { what, got, bound } of checks) {
    console.log(`${got <= bound ? 'held  ' : 'BROKEN'} ${got.toFixed(2)} <= ${bound}  ${what}`);
  }
  return checks.every(({ got, bound }) => got <= bound);
};

try {
  measure();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`CPU time of synthesis, ours beside stock cdk8s on Node.js ${process.version}; medians\n`);
table();
console.log();
if (!verdicts()) process.exitCode = 1;
