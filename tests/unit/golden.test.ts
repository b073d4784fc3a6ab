import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environments } from '../../environments/index.ts';
import { goldenFolder, goldenOf } from '../support/golden.ts';

describe.each(Object.keys(environments))('the rendered platform of %s', (name) => {
  const files = goldenOf(name);
  const folder = join(goldenFolder, name);

  test.each([...files.keys()])('%s is what was reviewed; `make golden` rewrites it', (file) => {
    const path = join(folder, file);
    expect(existsSync(path) ? readFileSync(path, 'utf8') : '(not there)').toBe(files.get(file));
  });

  test('has no chart less than was reviewed', () => {
    expect(readdirSync(folder).sort()).toEqual([...files.keys()].sort());
  });
});
