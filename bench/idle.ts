import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { labDaemons, podGroups, podProcesses } from '../lab/kubernetes/processes.ts';

/** What a lab may use that nobody uses: memory in GiB, CPU in thousandths of a core. */
const bounds = { gibibytes: 5.5, millicores: 300 };

/** Memory of these processes in bytes; what several share is counted once, in parts. */
const memoryOf = (pids: Iterable<number>): number => {
  let kibibytes = 0;
  for (const pid of pids) {
    try {
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      kibibytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    } catch {
      // Ended meanwhile.
    }
  }
  return kibibytes * 1024;
};

/** Seconds of CPU that the pods have used since the node started, those of ended processes included. */
const secondsOfPods = (): number => {
  for (const group of podGroups()) {
    const first = join(group, 'cpuacct.usage');
    if (existsSync(first)) return Number(readFileSync(first, 'utf8')) / 1e9;
    const second = join(group, 'cpu.stat');
    if (existsSync(second))
      return Number(/^usage_usec (\d+)/m.exec(readFileSync(second, 'utf8'))?.[1] ?? 0) / 1e6;
  }
  return 0;
};

const ticksPerSecond = 100;

/** Seconds of CPU of the control plane, the node and the containers' shims, with their ended children. */
const secondsOfDaemons = (pids: Iterable<number>): number => {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // After the command in parentheses the fields are the third and on: 14 to 17 are times.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      for (const field of fields.slice(11, 15)) ticks += Number(field);
    } catch {
      // Ended meanwhile.
    }
  }
  return ticks / ticksPerSecond;
};

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '300' } } });
const seconds = Number(values.seconds);
const every = 15;
const used = (): number => secondsOfPods() + secondsOfDaemons(labDaemons());

if (podProcesses().size === 0) {
  console.error('no lab runs on this machine: make up');
  process.exit(2);
}
console.log(`watching the lab for ${seconds} s; leave it alone meanwhile`);
const began = performance.now();
const before = used();
const samples: number[] = [];
while (performance.now() - began < seconds * 1000) {
  samples.push(memoryOf(new Set([...podProcesses(), ...labDaemons()])));
  await pause(Math.min(every, seconds) * 1000);
}
const elapsed = (performance.now() - began) / 1000;
const millicores = ((used() - before) / elapsed) * 1000;
const gibibytes = samples.reduce((sum, sample) => sum + sample, 0) / samples.length / 1024 ** 3;
console.log(
  `memory ${gibibytes.toFixed(2)} GiB (bound ${bounds.gibibytes}), CPU ${millicores.toFixed(0)} millicores (bound ${bounds.millicores})`,
);
process.exitCode = gibibytes > bounds.gibibytes || millicores > bounds.millicores ? 1 : 0;
