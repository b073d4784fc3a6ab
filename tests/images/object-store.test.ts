import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { SeaweedStore } from '../../constructs/object-store/index.ts';
import { Platform } from '../support/platform.ts';
import { runIn, type Unpacked, unpack } from './container.ts';

// Nothing here is about speed: the limit only ends what hangs.
jest.setTimeout(60 * 60_000);

const root = join(import.meta.dirname, '../..');

/** What story.py saw: one life of a store, with the commands and settings that its pod has. */
interface Seen {
  readonly [title: string]: unknown;
}

let image: Unpacked;
let data: string;
let seen: Seen;

const containers = () => {
  const platform = new Platform();
  new SeaweedStore(platform.app, { home: platform.data, storage: Size.gibibytes(10) });
  const all = platform.manifest('StatefulSet', 'object-store')?.spec.template.spec.containers ?? [];
  const [server, reconcile] = all;
  if (server === undefined || reconcile === undefined) throw new Error('the store has two containers');
  return { server, reconcile };
};

beforeAll(async () => {
  image = await unpack('seaweedfs');
  data = mkdtempSync(join(tmpdir(), 'plinth-objects-'));
  const [user = '', group = ''] = image.user.split(':');
  chownSync(data, Number(user), Number(group));
  const { server, reconcile } = containers();
  const settings = (server.env ?? []).map(({ name, value = '' }) => [name, value] as const);
  const printed = await runIn(image, {
    command: ['python3', '/story/story.py'],
    env: {
      ...Object.fromEntries(settings),
      SERVER: JSON.stringify(server.command),
      RECONCILE: JSON.stringify(reconcile.command),
    },
    mounts: {
      '/data': data,
      '/story': join(root, 'tests/images/object-store'),
      '/etc/plinth/files': join(root, 'constructs/object-store/files'),
    },
    scratch: ['/etc/plinth/identities', '/etc/plinth/withdrawn'],
  });
  seen = JSON.parse(printed) as Seen;
});

afterAll(() => {
  if (data !== undefined) rmSync(data, { recursive: true, force: true });
});

test('a new store refuses whoever has no key', () => {
  expect(seen['anonymous on a new store']).toBe('HTTP/1.0 403 Forbidden');
});

test('only S3 and metrics answer beyond loopback; the gRPC port of S3 asks for a certificate nobody has', () => {
  expect(seen['listening beyond loopback']).toEqual([8333, 9327, 18333]);
  expect(seen['gRPC without a certificate']).toBe('TLSV13_ALERT_CERTIFICATE_REQUIRED');
});

test('a key may do what was granted on its own buckets, and nothing else', () => {
  expect(seen['may']).toEqual({
    'a puts into its bucket': 'ok',
    'a gets from its bucket': 'ok',
    "a puts into b's bucket": 'AccessDenied',
    "a lists b's bucket": 'AccessDenied',
    'b puts into its bucket': 'ok',
    "a copies from b's bucket": 'AccessDenied',
    "b reads a's bucket, as granted": 'ok',
    "b lists a's bucket, as granted": 'ok',
    "b puts into a's bucket": 'AccessDenied',
    "b deletes in a's bucket": 'AccessDenied',
    'a makes a bucket': 'AccessDenied',
    'a deletes its bucket': 'AccessDenied',
    'a opens its bucket to all': 'AccessDenied',
  });
});

test('the Job that consumers wait for ends when its key is accepted, and says why it was not', () => {
  expect(seen['waits']).toEqual([0, 0]);
  const [code, output] = seen['a wait in vain'] as readonly [number, string];
  expect(code).toBe(1);
  expect(output).toContain('the key of a, generation 9, on bucket alpha');
  expect(output).toContain('answers InvalidAccessKeyId');
});

const held = {
  "a's new key": 'ok',
  "a's withdrawn key": 'InvalidAccessKeyId',
  "b's key": 'ok',
  "a's object": 'kept',
};

test('the next generation is valid beside the last, which ends when withdrawn; the server runs on', () => {
  expect(seen['wait for the next generation']).toBe(0);
  expect(seen['the last generation meanwhile']).toBe('ok');
  expect(seen['after withdrawal']).toEqual(held);
  expect(seen['the server ran on']).toBe(true);
});

test('a restart keeps keys, withdrawals and objects, with nobody there to declare them again', () => {
  expect(seen['after a restart without the reconciling container']).toEqual(held);
});

test('a malformed declaration changes nothing', () => {
  expect(seen['during a malformed declaration']).toEqual(held);
});

test("an owner that is gone loses its key, not its bucket's content", () => {
  expect(seen["the removed owner's object"]).toBe('kept too');
  expect(seen['log of reconcile']).toContain('removed b');
});

test('what is as declared already is not written again', () => {
  expect(String(seen['log of reconcile']).match(/set b, keys: 1/g)).toHaveLength(1);
});

test('no secret is in a log or a command line', () => {
  expect(seen['log of reconcile']).toContain('set a, keys: 2');
  expect(seen['secrets found in']).toEqual([]);
});
