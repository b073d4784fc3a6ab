import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { drawing } from '../../platform/drawing/index.ts';
import { mapOf } from '../../platform/drawing/map.ts';
import { parseEnvironment } from '../../platform/spec.ts';
import { picture } from '../../scripts/picture.ts';

const root = join(import.meta.dirname, '../..');
const { app } = compose(parseEnvironment('local', environments['local']));

test('docs/platform.svg is what make graph draws', async () => {
  const drawn = await picture();
  const kept = readFileSync(join(root, 'docs/platform.svg'), 'utf8');
  // Not compared as text: the difference of two pictures is no help to anybody.
  expect(kept === drawn ? 'fresh' : 'stale: run make graph').toBe('fresh');
});

test('the picture has the paths of the policies, and metrics as a mark', () => {
  const { boxes, paths } = mapOf(app, { '0.0.0.0/0': 'world' });
  const arrows = paths.map(({ from, to }) => [boxes.get(from)?.title, boxes.get(to)?.title].join(' -> '));
  expect(arrows).toEqual(
    expect.arrayContaining([
      'world -> gateway',
      'gateway -> mlflow',
      'mlflow -> postgres',
      'mlflow -> object-store',
    ]),
  );
  expect(arrows).not.toContain('prometheus -> mlflow');
  const mlflow = boxes.get('mlflow/mlflow');
  expect([mlflow?.measured, [...(mlflow?.ports ?? [])]]).toEqual([true, [5000]]);
  expect([boxes.get('data/postgres')?.shape, boxes.get('mlflow/mlflow')?.shape]).toEqual(['data', 'service']);
});

test('every namespace with workloads has a box of its own; teams that look alike share one', () => {
  const groups = Array.from(
    drawing(app).matchAll(/subgraph "cluster_[^"]+" \{\n {4}label="([^"]+)"/g),
    ([, name]) => name,
  );
  expect(groups).toEqual(
    expect.arrayContaining(['data', 'gateway', 'identity', 'mlflow', 'monitoring', 'team-a, team-b']),
  );
});
