import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Fixture, until } from './fixture.ts';

const minutes = 60_000;
jest.setTimeout(15 * minutes);

const stackModule = join(import.meta.dirname, '../../lab/pulumi/stack.ts');

let fixture: Fixture;
beforeAll(async () => {
  fixture = await Fixture.start({ asTheLab: true });
  await fixture.set('context', 'plinth-test');
}, 40 * minutes);
afterAll(() => fixture?.stop(), minutes);

const uid = async (kind: string, name: string): Promise<string | undefined> =>
  (await fixture.find(kind, name, 'data'))?.metadata.uid;

/** Begins an update as the lab does, and ends all of it at once in its middle: nothing gets to write anything. */
const killed = async (whenThere: () => Promise<unknown>): Promise<void> => {
  const program = `
    import { LocalStack } from ${JSON.stringify(stackModule)};
    const none = () => Promise.resolve([]);
    const stack = new LocalStack({ ...${JSON.stringify(fixture.stackProps)}, removeAbandoned: none, ownObjects: none });
    await stack.up({ log: ${JSON.stringify(fixture.log)} });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: fixture.stackProps.environment,
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  const early = ended.then(() => Promise.reject(new Error(`the update ended by itself: ${fixture.log}`)));
  early.catch(() => undefined);
  const engine = await Promise.race([
    early,
    until('the engine holds the stack', async () => fixture.stack.holders()[0], 240),
  ]);
  try {
    await Promise.race([early, whenThere()]);
  } finally {
    // Its whole group: the engine, the program and the provider; who waits for them fails by that.
    if (child.exitCode === null) process.kill(-engine, 'SIGKILL');
    await ended;
  }
};

test('a first update that was killed half way is taken up by the next, and nothing it made is left behind', async () => {
  await fixture.set('await', 'true');
  await fixture.set('change', 'lostJob');
  await killed(async () => {
    await until('the Job that no later update has', () => fixture.find('job', 'lost-1', 'data'), 480);
    await until('the StatefulSet of PostgreSQL', () => fixture.find('statefulset', 'postgres', 'data'), 480);
  });
  const [claim, lost] = [await uid('persistentvolumeclaim', 'postgres'), await uid('job', 'lost-1')];
  expect([claim, lost]).toEqual([expect.any(String), expect.any(String)]);
  expect(await fixture.stack.resources()).toEqual([]);

  await fixture.set('await', 'false');
  await fixture.set('change', 'none');
  await fixture.up();
  expect(await uid('persistentvolumeclaim', 'postgres')).toBe(claim);
  await until('the Job to be gone', async () =>
    (await uid('job', 'lost-1')) === undefined ? true : undefined,
  );
  expect(await fixture.find('deployment', 'mlflow', 'mlflow')).toBeDefined();
});

test('the update after it is like any other', async () => {
  expect(await fixture.up()).toMatch(/Resources:\n {4}\d+ unchanged/);
});
