import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environments } from '../environments/index.ts';
import { goldenFolder, goldenOf } from '../tests/support/golden.ts';

rmSync(goldenFolder, { recursive: true, force: true });
for (const name of Object.keys(environments)) {
  const files = goldenOf(name);
  mkdirSync(join(goldenFolder, name), { recursive: true });
  for (const [file, text] of files) writeFileSync(join(goldenFolder, name, file), text);
  console.log(`tests/golden/${name}: ${files.size} charts`);
}
