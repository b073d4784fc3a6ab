import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemons } from '../../lab/kubernetes/daemons.ts';
import { claimLab, ForeignLab, ownsLab, refuseForeignLab } from '../../lab/kubernetes/owner.ts';

let folder = '';
let place = { root: '', owner: '', processes: '' };
let mine = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plinth-owner-'));
  const root = join(folder, 'run');
  place = { root, owner: join(root, 'owner.json'), processes: join(root, 'processes') };
  mine = join(folder, 'mine');
  mkdirSync(join(mine, '.lab'), { recursive: true });
});
afterEach(async () => {
  const daemons = new Daemons(place.processes);
  for (const name of daemons.names()) await daemons.stop(name);
  rmSync(folder, { recursive: true, force: true });
});

/** Something of the lab that is on the host. */
const runSomething = (): Promise<unknown> =>
  new Daemons(place.processes).ensure({
    name: 'etcd',
    command: ['sleep', '300'],
    log: join(folder, 'log'),
  });
const theirs = '/somewhere/theirs';

test('a second checkout is told whose lab runs, and how it is stopped there', async () => {
  claimLab(mine, place);
  await runSomething();
  expect(() => refuseForeignLab(theirs, place)).toThrow(ForeignLab);
  expect(() => refuseForeignLab(theirs, place)).toThrow(
    `this host's lab belongs to the checkout ${mine}, and a host has one lab; stop it there first: make -C ${mine} down`,
  );
  expect(ownsLab(theirs, place)).toBe(false);
});

test('its own checkout is not, and neither is anybody on a host without a lab', async () => {
  expect(() => refuseForeignLab(theirs, place)).not.toThrow();
  claimLab(mine, place);
  await runSomething();
  expect(() => refuseForeignLab(mine, place)).not.toThrow();
  expect(ownsLab(mine, place)).toBe(true);
});

describe('is no obstacle:', () => {
  test('a lab of which nothing is left', () => {
    claimLab(mine, place);
    expect(() => refuseForeignLab(theirs, place)).not.toThrow();
  });

  test('one whose checkout was deleted', async () => {
    claimLab(mine, place);
    await runSomething();
    rmSync(join(mine, '.lab'), { recursive: true });
    expect(() => refuseForeignLab(theirs, place)).not.toThrow();
  });

  test('one that ended with an earlier boot of the machine', async () => {
    claimLab(mine, place);
    await runSomething();
    const record = JSON.parse(readFileSync(place.owner, 'utf8')) as object;
    writeFileSync(place.owner, JSON.stringify({ ...record, boot: 'an earlier one' }));
    expect(() => refuseForeignLab(theirs, place)).not.toThrow();
    expect(ownsLab(mine, place)).toBe(false);
  });
});
