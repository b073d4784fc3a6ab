import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { IdentitySync } from '../../src/identity-sync.ts';
import { readSettings } from '../../src/settings.ts';
import type { AccountState, ClientState, RealmState } from '../../src/state.ts';
import type { FakeKeycloak } from './keycloak.ts';

export const client = (id: string, more: Partial<ClientState> = {}): ClientState => ({
  id,
  kind: 'browser',
  redirectUris: [`https://${id}.example.com/callback`],
  roles: [],
  groups: [],
  audiences: [],
  secret: `secret-of-the-client-${id}`,
  ...more,
});

export const account = (
  name: string,
  groups: readonly string[],
  password = `password-of-${name}`,
): AccountState => ({
  name,
  email: `${name}@example.com`,
  groups: [...groups],
  password,
});

export const realm = (more: Partial<RealmState> = {}): RealmState => ({
  realm: 'plinth',
  tokenSeconds: 120,
  groups: [{ name: 'team-a', clientRoles: {} }],
  clients: [],
  accounts: [],
  ...more,
});

/** The service on a folder of its own, with everything it logged. */
export class Service {
  readonly folder = mkdtempSync(join(tmpdir(), 'identity-sync-'));
  readonly lines: string[] = [];
  readonly sync: IdentitySync;

  constructor(t: TestContext, keycloak: FakeKeycloak, state: unknown, more: NodeJS.ProcessEnv = {}) {
    this.write(state);
    const settings = readSettings({
      HOST: '127.0.0.1',
      PORT: '0',
      REALM_FILE: join(this.folder, 'realm.json'),
      KEYCLOAK_URL: keycloak.url,
      ADMIN_CLIENT_ID: 'identity-sync',
      ADMIN_CLIENT_SECRET: 'present-secret-of-the-client',
      RETRY_SECONDS: '1',
      ...more,
    });
    const logger = pino({}, { write: (line: string) => void this.lines.push(line) });
    this.sync = new IdentitySync(settings, logger);
    t.after(async () => {
      await this.sync.stop();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Replaces the file by a rename, as a mounted Secret is. */
  write(state: unknown): void {
    const file = join(this.folder, 'realm.json');
    writeFileSync(`${file}.new`, typeof state === 'string' ? state : JSON.stringify(state));
    renameSync(`${file}.new`, file);
  }

  async get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.sync.port}${path}`);
    return { status: response.status, body: await response.text() };
  }

  /** How often a look at the realm ended so. */
  async runs(result: 'success' | 'failure'): Promise<number> {
    const { values } = await this.sync.metrics.runs.get();
    return values.find(({ labels }) => labels.result === result)?.value ?? 0;
  }

  /** Resolves after one more look at the realm has succeeded. */
  async settled(action: () => void | Promise<void> = () => this.sync.wake()): Promise<void> {
    const before = await this.runs('success');
    await action();
    await eventually(async () => (await this.runs('success')) > before, 'a look at the realm to succeed');
  }
}

export const eventually = async (is: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const deadline = performance.now() + 60_000;
  while (!(await is())) {
    if (performance.now() > deadline) throw new Error(`waited a minute for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
