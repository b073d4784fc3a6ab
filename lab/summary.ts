import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackOutputs } from './pulumi/stack.ts';

/** What the lab has in place of the real thing; `plinth status` tells it too. */
export const standIns = [
  'Pulumi applies through an offline stand-in for its Kubernetes provider (lab/provider): server-side apply, same types',
  'NetworkPolicies are enforced by an agent of the lab (lab/netpol), not by a network plug-in of a distribution',
  'volumes are folders of this machine (.lab/data/volumes), without size limits',
] as const;

const write = (file: string, content: string, mode = 0o644): void => {
  writeFileSync(`${file}.unfinished`, content, { mode });
  chmodSync(`${file}.unfinished`, mode);
  renameSync(`${file}.unfinished`, file);
};

/** Writes what users and tests open: addresses, logins (for their owner only) and the authority behind them. */
export const writeOutputs = (folder: string, outputs: StackOutputs): void => {
  write(join(folder, 'endpoints.json'), `${JSON.stringify(outputs.endpoints, undefined, 2)}\n`);
  write(join(folder, 'credentials.json'), `${JSON.stringify(outputs.credentials, undefined, 2)}\n`, 0o600);
  if (outputs.ca !== undefined) write(join(folder, 'ca.crt'), outputs.ca);
};

/** A line for each address, and as which user to open it. */
export const addresses = ({ endpoints, credentials }: StackOutputs): readonly string[] => {
  const rows = Object.entries(endpoints).map(([name, { url }]) => {
    const login = credentials[name]?.['username'];
    return [name, url, login === undefined ? '' : `login ${login}`] as const;
  });
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map(([name, url, login]) =>
    `  ${name.padEnd(widths[0] ?? 0)}  ${url.padEnd(widths[1] ?? 0)}  ${login}`.trimEnd(),
  );
};

/** What to open, as which user, and what is not what a production cluster has. */
export const summary = (outputs: StackOutputs, folder: string, absent: readonly string[] = []): string =>
  [
    '',
    'Plinth runs on this machine. Open:',
    ...addresses(outputs),
    '',
    `  passwords    ${join(folder, 'credentials.json')}`,
    `  certificate  ${join(folder, 'ca.crt')} (the authority behind those addresses)`,
    `  kubectl      export KUBECONFIG=${join(folder, 'kubeconfig')}`,
    '',
    'Stand-ins of this lab:',
    ...standIns.map((text) => `  - ${text}`),
    ...(absent.length === 0 ? [] : ['', 'Left out:', ...absent.map((text) => `  - ${text}`)]),
    '',
    'Next: make status shows what runs and why something does not; make down stops it all and keeps its data.',
  ].join('\n');
