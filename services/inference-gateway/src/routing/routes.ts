import type { Settings } from '../settings.ts';
import { type Documents, RoutesDocuments, type RoutesEvents } from './documents.ts';
import { RoutesFolder } from './folder.ts';
import { ConfigMapWatch } from './kubernetes.ts';

export interface RoutesOptions extends RoutesEvents {
  /** Undefined: the ConfigMap is watched; else why not. */
  watched(problem: string | undefined): void;
}

/**
 * Where the routes come from. The Kubernetes API tells of a change at once; the mounted copy, a minute or two behind,
 * is what a replica starts with while the API is away.
 */
export class Routes {
  readonly #documents: RoutesDocuments;
  readonly #folder: RoutesFolder;
  readonly #configMap: ConfigMapWatch | undefined;
  #resourceVersion: string | undefined;
  #watched = false;

  constructor(settings: Settings, options: RoutesOptions) {
    this.#documents = new RoutesDocuments(options);
    this.#folder = new RoutesFolder(
      settings.ROUTES_FOLDER,
      (documents) => {
        if (this.#resourceVersion === undefined) this.#documents.update(documents);
      },
      settings.ROUTES_POLL_MS,
    );
    if (settings.ROUTES_CONFIG_MAP !== undefined)
      this.#configMap = new ConfigMapWatch(
        {
          name: settings.ROUTES_CONFIG_MAP,
          api: settings.KUBERNETES_API,
          account: settings.SERVICE_ACCOUNT_FOLDER,
        },
        {
          changed: (documents, resourceVersion) => this.#take(documents, resourceVersion),
          watched: (problem) => {
            this.#watched = problem === undefined;
            options.watched(problem);
          },
        },
      );
  }

  /** Of the ConfigMap that is in force; undefined while the folder counts. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  get refused(): boolean {
    return this.#documents.refused;
  }

  /** Whether a change will be noticed; a folder alone always is, if late. */
  get watched(): boolean {
    return this.#configMap === undefined || this.#watched;
  }

  async start(): Promise<void> {
    this.#configMap?.start();
    await this.#folder.reload();
  }

  close(): void {
    this.#folder.close();
    this.#configMap?.close();
  }

  #take(documents: Documents, resourceVersion: string): void {
    this.#resourceVersion = resourceVersion;
    // From now on the folder is only older.
    this.#folder.close();
    this.#documents.update(documents);
  }
}
