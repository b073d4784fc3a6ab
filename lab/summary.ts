import { join } from 'node:path';
import type { StackOutputs } from './stack.ts';

/** What the lab has in place of the real thing; `plinth status` tells it too. */
export const standIns = [
  'Pulumi applies through an offline stand-in for its Kubernetes provider (lab/provider): server-side apply, same types',
  'NetworkPolicies are enforced by an agent of the lab (lab/netpol), not by a network plug-in of a distribution',
  'volumes are folders of this machine (.lab/data/volumes), without size limits',
] as const;

/** What to open, as which user, and what is not what a production cluster has. */
export const summary = (outputs: StackOutputs, folder: string): string => {
  const rows = Object.entries(outputs.endpoints).map(([name, { url }]) => {
    const login = outputs.credentials[name]?.['username'];
    return [name, url, login === undefined ? '' : `login ${login}`] as const;
  });
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map(([name, url, login]) =>
    `  ${name.padEnd(widths[0] ?? 0)}  ${url.padEnd(widths[1] ?? 0)}  ${login}`.trimEnd(),
  );
  return [
    '',
    'Plinth runs on this machine. Open:',
    ...table,
    '',
    `  passwords    ${join(folder, 'credentials.json')}`,
    `  certificate  ${join(folder, 'ca.crt')} (the authority behind those addresses)`,
    `  kubectl      export KUBECONFIG=${join(folder, 'kubeconfig')}`,
    '',
    'Stand-ins of this lab:',
    ...standIns.map((text) => `  - ${text}`),
    '',
    'Next: make status shows what runs and why something does not; make down stops it all and keeps its data.',
  ].join('\n');
};
