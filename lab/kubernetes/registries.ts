import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run as layout } from './layout.ts';

/** Where containerd looks, at every pull, whom to trust at a registry. */
export const registriesFolder = join(layout.config, 'registries');

/**
 * Lets the node pull from a registry whose certificate this authority (PEM) signed. The name must lead there from the
 * node. Nothing is restarted.
 */
export const trustRegistry = (host: string, authority: string, folder = registriesFolder): void => {
  const own = join(folder, host);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const file = join(own, 'ca.crt');
  writeFileSync(file, authority);
  writeFileSync(
    join(own, 'hosts.toml'),
    `server = "https://${host}"

[host."https://${host}"]
  capabilities = ["pull", "resolve"]
  ca = "${file}"
`,
  );
};
