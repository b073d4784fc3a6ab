import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where every CNI plug-in of a host leaves what it did, under the network's name and the container's id. */
const resultsOf = (root: string): string => join(root, '/var/lib/cni/results');
const namespacesOf = (root: string): string => join(root, '/run/netns');

const namesIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** The file of an attachment to the lab's network, `plinth`; the group is the container's id. */
const attachment = /^plinth-([0-9a-f]{64})-/;

/**
 * Results of the lab's network. That of the loopback has the same name with every containerd, and is the lab's where
 * the container is.
 */
export const ownResults = (root: string): readonly string[] => {
  const names = namesIn(resultsOf(root));
  const ours = new Set(names.flatMap((name) => attachment.exec(name)?.[1] ?? []));
  return names
    .filter((name) => ours.has(/^(?:plinth|cni-loopback)-([0-9a-f]{64})-/.exec(name)?.[1] ?? ''))
    .map((name) => join(resultsOf(root), name));
};

/** Every result of a network that the lab's containerd knows, whosever the container was. */
export const allResults = (root: string): readonly string[] =>
  namesIn(resultsOf(root))
    .filter((name) => /^(plinth|cni-loopback)-/.test(name))
    .map((name) => join(resultsOf(root), name));

/** Network namespaces that containerd, the lab's or another one, made for pods. */
export const podNamespaces = (root: string): readonly string[] =>
  namesIn(namespacesOf(root)).filter((name) => name.startsWith('cni-'));

/** Namespaces of the containers that the lab's network has been given to. */
export const attachedNamespaces = (root: string): readonly string[] =>
  ownResults(root).flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/\/netns\/(cni-[^"/]+)"/g)].map(([, name = '']) => name),
  );

/** Which network namespaces processes are in, by device and inode. */
const inhabited = (root: string): ReadonlySet<string> =>
  new Set(
    namesIn(join(root, '/proc'))
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => identity(join(root, '/proc', pid, 'ns/net')) ?? []),
  );

const identity = (path: string): string | undefined => {
  try {
    const { dev, ino } = statSync(path);
    return `${dev} ${ino}`;
  } catch {
    // Ended meanwhile.
    return undefined;
  }
};

/** Those of pods' network namespaces that no process is in. */
export const emptyNamespaces = (root: string): readonly string[] => {
  const taken = inhabited(root);
  return podNamespaces(root).filter((name) => !taken.has(identity(join(namespacesOf(root), name)) ?? ''));
};
