import { dirname, join } from 'node:path';
import { installPackages } from '../node.ts';
import { runIn, type Unpacked, unpack } from './container.ts';

// Nothing here is about speed: the limit only ends what hangs.
jest.setTimeout(60 * 60_000);

const service = join(import.meta.dirname, '../../services/promoter');

let image: Unpacked;
beforeAll(async () => {
  await installPackages(service);
  image = await unpack('mlflow');
});

test("the promoter reads, writes and hears the platform's own MLflow", async () => {
  const printed = await runIn(image, {
    command: ['/node/node', '--test', '--test-reporter=tap', '/service/test/mlflow/registry.test.ts'],
    env: { HOME: '/tmp' },
    mounts: { '/node': dirname(process.execPath), '/service': service },
  });
  expect(printed).toMatch(/^# pass 1$/m);
  expect(printed).toMatch(/^# fail 0$/m);
});
