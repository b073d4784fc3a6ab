import { enableCompileCache } from 'node:module';

// One synthesis in a process of its own: node bench/one-run.ts ours|stock <objects> <charts> <dependencies> <folder>
const [who, objects, charts, dependencies, folder = ''] = process.argv.slice(2);
// As platform/synth.ts does.
if (who === 'ours') enableCompileCache();
const { syntheticApp } = await import('./app.ts');
const ours =
  who === 'ours'
    ? {
        ...(await import('../platform/synthesis/index.ts')),
        ...(await import('../platform/synthesis/write.ts')),
      }
    : undefined;

const milliseconds = (usage: NodeJS.CpuUsage): number => (usage.user + usage.system) / 1000;

const app = syntheticApp(Number(objects), Number(charts), dependencies as 'none' | 'previous', folder);
const before = process.cpuUsage();
if (ours === undefined) app.synth();
else ours.writeManifests(folder, ours.synthesize(app));
const synth = milliseconds(process.cpuUsage(before));
process.stdout.write(JSON.stringify({ synth, whole: milliseconds(process.cpuUsage()) }));
