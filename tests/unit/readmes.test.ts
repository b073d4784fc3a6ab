import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

test('every component has a README', () => {
  const shared = ['catalogue', 'contracts', 'glue', 'imports'];
  const components = readdirSync(join(root, 'constructs')).filter((name) => !shared.includes(name));
  const services = readdirSync(join(root, 'constructs/glue')).map((name) => `glue/${name}`);
  const without = [...components, ...services].filter(
    (name) => !existsSync(join(root, 'constructs', name, 'README.md')),
  );
  expect(without).toEqual([]);
});
