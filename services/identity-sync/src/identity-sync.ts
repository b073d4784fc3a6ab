import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { adminHandler } from './admin.ts';
import { describeFailure } from './keycloak/failure.ts';
import { Session } from './keycloak/session.ts';
import { Metrics } from './metrics.ts';
import { type Change, reconcile } from './reconcile.ts';
import type { Settings } from './settings.ts';
import { parseState, type RealmState, StateError } from './state.ts';
import { FileWatch } from './watch.ts';

/** Reconciles one realm: when its file changes, in every interval, and sooner after a failure; never twice at once. */
export class IdentitySync {
  readonly metrics = new Metrics();
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #session: Session;
  readonly #server: Server;
  #watch: FileWatch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #state: RealmState | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #applied = false;
  #stopped = false;

  constructor(settings: Settings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#session = new Session({
      url: settings.KEYCLOAK_URL,
      clientId: settings.ADMIN_CLIENT_ID,
      secret: settings.ADMIN_CLIENT_SECRET,
      secretBefore: settings.ADMIN_CLIENT_SECRET_BEFORE,
    });
    this.#server = createServer(adminHandler(this.metrics, () => this.unready));
  }

  get unready(): string | undefined {
    if (this.#stopped) return 'stopping';
    return this.#applied ? undefined : 'the realm has not been as declared yet';
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    const { HOST, PORT, REALM_FILE } = this.#settings;
    this.#server.listen(PORT, HOST);
    await once(this.#server, 'listening');
    this.#watch = new FileWatch(REALM_FILE, () => this.wake());
    this.wake();
  }

  /** Looks at the realm now, or once more when the present look is over. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#running = this.#run().then((succeeded) => {
      this.#running = undefined;
      if (this.#again) {
        this.#again = false;
        this.wake();
      } else if (!this.#stopped) {
        const { INTERVAL_SECONDS, RETRY_SECONDS } = this.#settings;
        this.#timer = setTimeout(() => this.wake(), (succeeded ? INTERVAL_SECONDS : RETRY_SECONDS) * 1000);
      }
    });
  }

  /** Ends what it is at; a change that has begun is finished. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#watch?.close();
    await this.#running;
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #run(): Promise<boolean> {
    const state = await this.#read();
    if (state === undefined) return false;
    const timed = this.metrics.seconds.startTimer();
    try {
      const conflicts = await reconcile(this.#session, state, (change) => this.#changed(change));
      this.metrics.conflicts.set(conflicts.length);
      if (conflicts.length > 0) throw new Error(conflicts.join('; '));
      this.metrics.runs.inc({ result: 'success' });
      this.metrics.lastSuccess.setToCurrentTime();
      if (!this.#applied) this.#logger.info({ realm: state.realm }, 'the realm is as declared');
      this.#applied = true;
      return true;
    } catch (error) {
      this.metrics.runs.inc({ result: 'failure' });
      this.#logger.error({ reason: describeFailure(error) }, 'the realm is not as declared');
      return false;
    } finally {
      timed();
    }
  }

  /** The file as it is, or what was in force where it is wrong. */
  async #read(): Promise<RealmState | undefined> {
    const { REALM_FILE: file } = this.#settings;
    try {
      this.#state = parseState(await readFile(file, 'utf8'));
      this.metrics.fileRefused.set(0);
    } catch (error) {
      this.metrics.fileRefused.set(1);
      const reason = error instanceof StateError ? error.message : describeFailure(error);
      this.#logger.error({ file, reason }, 'file refused; what was in force stays');
    }
    return this.#state;
  }

  #changed({ kind, action, name }: Change): void {
    this.metrics.changes.inc({ kind, action });
    this.#logger.info({ kind, action, name }, 'changed');
  }
}
