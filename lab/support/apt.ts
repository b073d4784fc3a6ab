import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { RunError, run } from './exec.ts';
import { withLock } from './lock.ts';

const machinePolicy = '/usr/sbin/policy-rc.d';

/** Says whose it is: one that a killed run left must not be taken for the machine's own. */
const ownPolicy = '#!/bin/sh\n# Of plinth, while it installs packages.\nexit 101\n';

/** Where the machine's own lies meanwhile. */
const asideOf = (policy: string): string => `${policy}.before-plinth`;

const missing = async (names: readonly string[]): Promise<readonly string[]> => {
  // dpkg-query ends with 1 when it knows one of the names not at all, and still prints the others.
  const format = '${Package} ${db:Status-Status}\n';
  const query = ['dpkg-query', '--show', `--showformat=${format}`, ...names];
  const listing = await run(['sh', '-c', '"$@" 2>/dev/null || true', 'sh', ...query]);
  const installed = new Set(
    listing
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !installed.has(name));
};

/** Whether services are held back: by a run that is at work, or by one that was killed. */
export const servicesHeld = (policy = machinePolicy): boolean =>
  existsSync(asideOf(policy)) || (existsSync(policy) && readFileSync(policy, 'utf8') === ownPolicy);

/** Puts the machine's own policy back in its place, or none where there was none. */
export const releaseServices = (policy = machinePolicy): void => {
  if (existsSync(asideOf(policy))) renameSync(asideOf(policy), policy);
  else rmSync(policy, { force: true });
};

/**
 * While `work` runs, no package starts a service: invoke-rc.d and deb-systemd-invoke ask policy-rc.d. The lab runs
 * its own etcd and containerd with its own data; Debian's would only take their ports.
 */
export const withoutServices = async (work: () => Promise<void>, policy = machinePolicy): Promise<void> => {
  if (existsSync(policy) && !servicesHeld(policy)) renameSync(policy, asideOf(policy));
  writeFileSync(policy, ownPolicy, { mode: 0o755 });
  try {
    await work();
  } finally {
    releaseServices(policy);
  }
};

/**
 * Installs those of the Debian packages that dpkg lacks, without starting any of their services. Package lists are
 * fetched only when an install needs them. Rejects on a machine without apt-get, without root, or when a package
 * can't be had, and says which.
 */
export const ensureDebianPackages = async (names: readonly string[], log?: string): Promise<void> => {
  const root = process.getuid?.() === 0;
  if ((await missing(names)).length === 0 && !(root && servicesHeld())) return;
  await withLock('/run/lock/plinth-apt.lock', async () => {
    // Whoever held services back had the lock.
    if (root && servicesHeld()) releaseServices();
    const wanted = await missing(names);
    if (wanted.length === 0) return;
    if (!root)
      throw new Error(`Debian packages are missing and installing them needs root: ${wanted.join(' ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const options = { env, ...(log === undefined ? {} : { log }) };
    // Another package manager at work (unattended-upgrades on a fresh machine) is waited for.
    const apt = ['apt-get', '-y', '-q', '--no-remove', '-o', 'DPkg::Lock::Timeout=300'];
    const install = [...apt, 'install', '--no-install-recommends', ...wanted];
    await withoutServices(async () => {
      try {
        await run(install, options);
      } catch (error) {
        if (!(error instanceof RunError) || error.exitCode === 127) throw error;
        // dpkg refuses everything until what a killed run began is finished.
        await run(['dpkg', '--configure', '-a'], options).catch(() => undefined);
        // Lists may be absent or stale. A foreign list that can't be fetched is no reason to stop.
        await run([...apt, 'update'], options).catch(() => undefined);
        await run(install, options);
      }
    });
  });
};
