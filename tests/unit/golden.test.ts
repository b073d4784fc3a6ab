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

  test('is what is applied: an object of the whole cluster has no namespace', () => {
    const documents = [...files.values()].flatMap((text) => text.split(/^---\n/m));
    const ofCluster = documents.filter((each) => /^kind: (Namespace|ClusterRole(Binding)?)$/m.test(each));
    expect(ofCluster.length).toBeGreaterThan(0);
    for (const each of ofCluster) expect(each).not.toMatch(/^ {2}namespace: /m);
  });

  test('has no chart less than was reviewed', () => {
    expect(readdirSync(folder).sort()).toEqual([...files.keys()].sort());
  });
});
