import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Daemons } from './daemons.ts';
import { bootId, mountsUnder } from './host.ts';
import { run as layout } from './layout.ts';

interface Owner {
  readonly checkout: string;
  readonly boot: string;
}

/** Where a lab leaves what others can see of it. */
type Place = { readonly [key in 'root' | 'owner' | 'processes']: string };

const read = (place: Place = layout): Owner | undefined => {
  try {
    return JSON.parse(readFileSync(place.owner, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
};

/** The checkout whose lab this host runs, or ran when it was interrupted. */
export const ownerOfLab = (): string | undefined => read()?.checkout;

/** Whether anything of a lab is left on the host: processes, mounts. Nothing survives a restart of the machine. */
const remains = ({ processes, root }: Place): boolean => {
  const daemons = new Daemons(processes);
  return daemons.names().some((name) => daemons.pid(name) !== undefined) || mountsUnder(root).length > 0;
};

/** The complaint of a second checkout. */
export class ForeignLab extends Error {
  override readonly name = 'ForeignLab';
  constructor(owner: string) {
    super(
      `this host's lab belongs to the checkout ${owner}, and a host has one lab; ` +
        `stop it there first: make -C ${owner} down`,
    );
  }
}

/**
 * Throws ForeignLab when another checkout's lab is on this host. One that left nothing behind, whose checkout was
 * deleted, or that ended with an earlier boot of the machine is no obstacle.
 */
export const refuseForeignLab = (checkout: string, place: Place = layout): void => {
  const owner = read(place);
  if (owner === undefined || owner.checkout === checkout) return;
  if (existsSync(join(owner.checkout, '.lab')) && owner.boot === bootId() && remains(place))
    throw new ForeignLab(owner.checkout);
};

/** Whether what lies on this host is this checkout's, and of this boot of the machine. */
export const ownsLab = (checkout: string, place: Place = layout): boolean => {
  const owner = read(place);
  return owner?.checkout === checkout && owner.boot === bootId();
};

/** Writes down whose lab this host runs, for every other checkout to see. */
export const claimLab = (checkout: string, place: Place = layout): void => {
  mkdirSync(place.root, { recursive: true, mode: 0o755 });
  const fresh = `${place.owner}.unfinished`;
  writeFileSync(fresh, JSON.stringify({ checkout, boot: bootId() } satisfies Owner));
  renameSync(fresh, place.owner);
};

export const disownLab = (root = '/'): void => rmSync(join(root, layout.owner), { force: true });
