import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { RunError, run } from './exec.ts';
import { withLock } from './lock.ts';

const policy = '/usr/sbin/policy-rc.d';

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

/**
 * While `work` runs, no package starts a service: invoke-rc.d and deb-systemd-invoke ask policy-rc.d. The lab runs
 * its own etcd and containerd with its own data; Debian's would only take their ports.
 */
const withoutServices = async (work: () => Promise<void>): Promise<void> => {
  const kept = `${policy}.before-plinth`;
  // A killed run may have left ours in place: the machine's own then still lies beside it.
  if (existsSync(policy) && !existsSync(kept)) renameSync(policy, kept);
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await work();
  } finally {
    if (existsSync(kept)) renameSync(kept, policy);
    else rmSync(policy, { force: true });
  }
};

/**
 * Installs those of the Debian packages that dpkg lacks, without starting any of their services. Package lists are
 * fetched only when an install needs them. Rejects on a machine without apt-get, without root, or when a package
 * can't be had, and says which.
 */
export const ensureDebianPackages = async (names: readonly string[], log?: string): Promise<void> => {
  if ((await missing(names)).length === 0) return;
  await withLock('/run/lock/plinth-apt.lock', async () => {
    const wanted = await missing(names);
    if (wanted.length === 0) return;
    if (process.getuid?.() !== 0)
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
        // Lists may be absent or stale. A foreign list that can't be fetched is no reason to stop.
        await run([...apt, 'update'], options).catch(() => undefined);
        await run(install, options);
      }
    });
  });
};
