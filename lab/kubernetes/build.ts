import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, contentKey } from '../support/cache.ts';
import { run } from '../support/exec.ts';
import { goEnvironment, goTool } from '../support/go.ts';

const programs = join(import.meta.dirname, 'programs');

const requiredVersion = (module: string, dependency: string): string => {
  const text = readFileSync(join(programs, module, 'go.mod'), 'utf8');
  const found = new RegExp(`^\\s*(?:require )?${dependency} (v\\S+)`, 'm').exec(text);
  if (found?.[1] === undefined) throw new Error(`lab/kubernetes/programs/${module}/go.mod: no ${dependency}`);
  return found[1];
};

/** The version that the lab runs, as its go.mod requires it: `v1.35.4`. */
export const kubernetesVersion = (): string => requiredVersion('kubernetes', 'k8s.io/kubernetes');

interface GoBuild {
  readonly name: string;
  readonly folder: string;
  readonly version: string;
  readonly packages: readonly string[];
  readonly linker: string;
  readonly log: string | undefined;
}

const goBuild = ({ name, folder, version, packages, linker, log }: GoBuild): Promise<string> => {
  const key = `${version}-${process.arch}-${contentKey([folder], [linker])}`;
  return cached(`go/${name}`, key, async (into) => {
    await run([goTool(), 'build', '-ldflags', linker, '-o', `${into}/`, ...packages], {
      cwd: folder,
      env: goEnvironment(),
      ...(log === undefined ? {} : { log }),
    });
  });
};

const own = (
  name: string,
  version: string,
  packages: readonly string[],
  linker: string,
  log: string | undefined,
): Promise<string> => goBuild({ name, folder: join(programs, name), version, packages, linker, log });

/**
 * Builds kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy and kubectl from the Go module
 * (minutes, once) and resolves to the folder that holds them.
 */
export const buildKubernetes = (log?: string): Promise<string> => {
  const version = kubernetesVersion();
  const [major = '', minor = ''] = version.slice(1).split('.');
  const stamp = (name: string, value: string): string =>
    ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
      .map((path) => `-X ${path}.${name}=${value}`)
      .join(' ');
  const linker = `-s -w ${stamp('gitVersion', version)} ${stamp('gitMajor', major)} ${stamp('gitMinor', minor)}`;
  const commands = [
    'kube-apiserver',
    'kube-controller-manager',
    'kube-scheduler',
    'kubelet',
    'kube-proxy',
    'kubectl',
  ].map((name) => `k8s.io/kubernetes/cmd/${name}`);
  return own('kubernetes', version, commands, linker, log);
};

/** The folder with a static `coredns`, of the plugins that the lab's Corefile uses. */
export const buildCoreDns = (log?: string): Promise<string> =>
  own('coredns', requiredVersion('coredns', 'github.com/coredns/coredns'), ['.'], '-s -w', log);

/** The folder with a static `local-path-provisioner`. */
export const buildLocalPathProvisioner = (log?: string): Promise<string> => {
  const path = 'github.com/rancher/local-path-provisioner';
  return own('local-path-provisioner', requiredVersion('local-path-provisioner', path), [path], '-s -w', log);
};

/** The folder with the lab's own `pause`, `forward` and `volume`. */
export const buildSmallPrograms = (log?: string): Promise<string> =>
  own('small', 'v1', ['./pause', './forward', './volume'], '-s -w', log);

/** The folder with `netpol`, the lab's NetworkPolicy agent. */
export const buildNetpol = (log?: string): Promise<string> => {
  const folder = join(import.meta.dirname, '..', 'netpol');
  return goBuild({ name: 'netpol', folder, version: 'v1', packages: ['.'], linker: '-s -w', log });
};
