import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireDoor, requireHost, requireSpace, requireVersion } from '../../lab/prerequisites.ts';
import { Unmet } from '../../lab/support/unmet.ts';

describe('a machine that cannot carry the lab is told why, and of the way to a cluster by name', () => {
  const debian = { platform: 'linux', uid: 0, apt: true } as const;
  const cases = [
    [{ ...debian, platform: 'darwin' }, /^the lab runs on Linux, got darwin\. .*make up CONTEXT=/],
    [{ ...debian, uid: 1000 }, /^the lab runs containers and needs root, got user 1000\. .*make up CONTEXT=/],
    [{ ...debian, apt: false }, /apt-get is missing\. .*make up CONTEXT=/],
  ] as const;
  test.each(cases)('%j', (host, message) => {
    expect(() => requireHost(host)).toThrow(Unmet);
    expect(() => requireHost(host)).toThrow(message);
  });

  test('one that can is not', () => expect(() => requireHost(debian)).not.toThrow());
});

test("a cluster that is older than its environment's version is refused, with the knob and the file", () => {
  const asked = { version: '1.34', file: 'environments/production.ts' };
  const server = 'https://10.0.0.1:6443';
  expect(() => requireVersion({ gitVersion: 'v1.34.1-gke.7', server }, asked)).not.toThrow();
  expect(() => requireVersion({ gitVersion: 'v1.33.9', server }, asked)).toThrow(
    new Unmet(
      'environments/production.ts: kubernetes.version: got 1.34, expected at most that of the cluster: ' +
        'https://10.0.0.1:6443 runs v1.33.9; upgrade the cluster, or lower it there',
    ),
  );
});

test('a disk that is too full is told by folder, with what is free and what is needed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-space-'));
  try {
    expect(() => requireSpace([folder], 0)).not.toThrow();
    const much = 1024 ** 3;
    expect(() => requireSpace([join(folder, 'made')], much)).toThrow(
      new RegExp(`^${join(folder, 'made')}: [\\d.]+ GiB free, and .* need ${much}; free some space, or set`),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a port that another program has is told, with how to see which', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const door = { address: '127.0.0.1', port };
  const message = `port ${port} of 127.0.0.1 is in use by another program; see which with: ss -ltnp 'sport = :${port}'`;
  await expect(requireDoor(door)).rejects.toEqual(new Unmet(message));
  await new Promise((resolve) => other.close(resolve));
  await expect(requireDoor(door)).resolves.toBeUndefined();
});
