import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Daemons } from './kubernetes/daemons.ts';
import { lab, run as layout } from './kubernetes/layout.ts';
import { nftablesTrouble } from './kubernetes/network.ts';
import { ensureDebianPackages } from './support/apt.ts';
import { cacheRoot } from './support/cache.ts';
import { goTool } from './support/go.ts';
import { Unmet } from './support/unmet.ts';

const gibibyte = 1024 ** 3;

/** What the lab takes from Debian. */
export const debianPackages = [
  'containerd',
  'containernetworking-plugins',
  'etcd-server',
  'iproute2',
  'nftables',
  'openssl',
  'runc',
] as const;

const elsewhere =
  'Plinth also applies to a cluster that you have: make up CONTEXT=<one of `kubectl config get-contexts -o name`>';

/** What of a machine decides whether it can carry the lab. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly uid: number | undefined;
  /** Whether it is of the Debian family. */
  readonly apt: boolean;
}

const thisHost = (): Host => ({
  platform: process.platform,
  uid: process.getuid?.(),
  apt: existsSync('/usr/bin/apt-get'),
});

/** Throws unless this is a machine that can carry the lab: Linux of the Debian family, and root. */
export const requireHost = ({ platform, uid, apt }: Host = thisHost()): void => {
  if (platform !== 'linux') throw new Unmet(`the lab runs on Linux, got ${platform}. ${elsewhere}`);
  if (uid !== 0) throw new Unmet(`the lab runs containers and needs root, got user ${uid}. ${elsewhere}`);
  if (!apt)
    throw new Unmet(
      `the lab takes containerd and etcd from Debian packages, and apt-get is missing. ${elsewhere}`,
    );
};

interface ClusterVersion {
  /** As the API server tells it, such as `v1.34.1-gke.7`. */
  readonly gitVersion: string;
  readonly server: string;
}

const minorOf = (version: string): number => Number(/^v?1\.(\d+)/.exec(version)?.[1]);

/** Throws when a cluster is older than its environment's `kubernetes.version`: it would refuse some of the manifests. */
export const requireVersion = (
  { gitVersion, server }: ClusterVersion,
  { version, file }: { readonly version: string; readonly file: string },
): void => {
  if (minorOf(gitVersion) < minorOf(version))
    throw new Unmet(
      `${file}: kubernetes.version: got ${version}, expected at most that of the cluster: ${server} runs ` +
        `${gitVersion}; upgrade the cluster, or lower it there`,
    );
};

/** Throws when a file system that the lab fills has less than the given GiB free. */
export const requireSpace = (folders: readonly string[], needed: number): void => {
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true });
    const { bavail, bsize } = statfsSync(folder);
    const free = (bavail * bsize) / gibibyte;
    if (free < needed)
      throw new Unmet(
        `${folder}: ${free.toFixed(1)} GiB free, and builds, images and data need ${needed}; ` +
          'free some space, or set XDG_CACHE_HOME to a folder of a larger disk',
      );
  }
};

interface Door {
  readonly address: string;
  readonly port: number;
}

/** Throws when another program has the port of the lab's door. */
export const requireDoor = async ({ address, port }: Door = lab.door): Promise<void> => {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Unmet(
              `port ${port} of ${address} is in use by another program; see which with: ss -ltnp 'sport = :${port}'`,
            )
          : error,
      ),
    );
    server.listen(port, address, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
};

/** Installs the Debian packages that are missing and checks what no package can give. */
export const preparePrerequisites = async (dotLab: string, log: string): Promise<void> => {
  // Builds and images take most of it, and only once.
  requireSpace([cacheRoot(), dotLab], existsSync(join(dotLab, 'data', 'node', 'containerd')) ? 3 : 15);
  goTool();
  if (new Daemons(layout.processes).pid('forward') === undefined) await requireDoor();
  await ensureDebianPackages(debianPackages, log);
  const trouble = await nftablesTrouble();
  if (trouble !== undefined) throw new Unmet(`nftables of this kernel can't be used: ${trouble}`);
};
