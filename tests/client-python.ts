// Runs Python with the packages of tests/lab/client: what a data scientist trains with, in the releases of the images.
// usage: node tests/client-python.ts ARGUMENT...
import { spawnSync } from 'node:child_process';
import { clientPython } from './lab/support.ts';

const { status } = spawnSync(await clientPython(), process.argv.slice(2), {
  stdio: 'inherit',
  env: { ...process.env, OMP_NUM_THREADS: '1', GIT_PYTHON_REFRESH: 'quiet' },
});
process.exitCode = status ?? 1;
