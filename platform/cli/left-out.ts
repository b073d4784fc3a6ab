import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { environments } from '../../environments/index.ts';
import { parseEnvironment } from '../spec.ts';
import { unknownEnvironment } from '../unknown-environment.ts';
import { root } from './revisions.ts';
import { UsageError } from './usage.ts';

export interface StatusOptions {
  /** A context of the kubeconfig; unset: the lab's. */
  readonly context?: string;
  /** Unset: the lab's where no context is named, else `KUBECONFIG` or ~/.kube/config. */
  readonly kubeconfig?: string;
  readonly environment: string;
}

const lab = join(root, '.lab');
const labFile = join(lab, 'kubeconfig');

/** The kubeconfig that is asked for; nothing where kubectl's own rules choose. */
export const fileOf = ({ context, kubeconfig }: Omit<StatusOptions, 'environment'>): string | undefined =>
  kubeconfig ?? (context === undefined ? labFile : undefined);

/** What the environment leaves out, and in the lab what that has in place of the real thing. */
export const leftOut = ({ environment, ...cluster }: StatusOptions): readonly string[] => {
  const input = environments[environment];
  if (input === undefined) throw new UsageError(unknownEnvironment([environment], Object.keys(environments)));
  const off = Object.entries(parseEnvironment(environment, input))
    .filter(([, value]) => typeof value === 'object' && 'kind' in value && value.kind === 'off')
    .map(([name]) => `left out: ${name}, switched off in environments/${environment}.ts`);
  // What the lab noted is about its own cluster.
  const file = fileOf(cluster);
  if (file === undefined || resolve(file) !== labFile) return off;
  const noted = (name: string): readonly string[] => {
    const notes = join(lab, name);
    return existsSync(notes) ? (JSON.parse(readFileSync(notes, 'utf8')) as readonly string[]) : [];
  };
  return [
    ...off,
    ...noted('absent.json').map((each) => `left out: ${each}`),
    ...noted('stand-ins.json').map((each) => `stand-in: ${each}`),
  ];
};
