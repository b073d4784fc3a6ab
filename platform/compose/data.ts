import { Size } from 'cdk8s';
import type { ObjectStore, PostgresServer } from '../../constructs/contracts/index.ts';
import { ComponentChart } from '../../constructs/kit/index.ts';
import { ExternalS3, SeaweedStore } from '../../constructs/object-store/index.ts';
import { ExternalPostgres, InClusterPostgres, PostgresMetrics } from '../../constructs/postgres/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';

type Server = PostgresServer & { withdrawOld(chart: ComponentChart): void };
type Store = ObjectStore & { withdrawOld?(chart: ComponentChart): void };

export const composePostgres = (context: ComposeContext): Server | undefined => {
  const { postgres } = context.environment;
  switch (postgres.kind) {
    case 'inCluster':
      return new InClusterPostgres(context.app, {
        home: context.namespace('data'),
        storage: Size.gibibytes(postgres.storageGiB),
        memory: Size.mebibytes(postgres.memoryMiB),
      });
    case 'external': {
      const { kind: _, ...server } = postgres;
      return new ExternalPostgres(context.app, { home: context.namespace('data'), ...server });
    }
    case 'off':
      return undefined;
    default:
      return postgres satisfies never;
  }
};

/** Only where somebody reads it. */
export const composePostgresMetrics = (context: ComposeContext, server: PostgresServer | undefined): void => {
  const { app, environment, observed } = context;
  if (server === undefined || environment.monitoring.kind === 'off') return;
  const metrics = new PostgresMetrics(app, {
    home: context.namespace('data'),
    server,
    generation: generation(environment, 'metrics/database'),
  });
  observed.push(metrics.observable);
};

export const composeObjectStore = (context: ComposeContext): Store | undefined => {
  const { objectStore } = context.environment;
  switch (objectStore.kind) {
    case 'inCluster': {
      const store = new SeaweedStore(context.app, {
        home: context.namespace('data'),
        storage: Size.gibibytes(objectStore.storageGiB),
      });
      context.observed.push(store);
      return store;
    }
    case 'external': {
      const { host, port, region, cidr, administratorSecret } = objectStore;
      const home = context.namespace('data');
      return new ExternalS3(context.app, {
        url: `https://${host}:${port}`,
        region,
        cidr,
        adminSecret: administratorSecret === undefined ? undefined : { home, name: administratorSecret },
      });
    }
    case 'off':
      return undefined;
    default:
      return objectStore satisfies never;
  }
};

/** What withdraws former credentials comes after everything that used them; nothing where none was rotated. */
export const composeWithdrawals = (
  context: ComposeContext,
  server: Server | undefined,
  store: Store | undefined,
): void => {
  if (!Object.values(context.environment.generations).some((generation) => generation > 1)) return;
  const earlier = context.app.node.children;
  const home = context.namespace('data');
  const chart = new ComponentChart(context.app, 'withdrawn-credentials', { home });
  chart.node.addDependency(...earlier.filter((child) => child !== chart));
  server?.withdrawOld(chart);
  store?.withdrawOld?.(chart);
};
