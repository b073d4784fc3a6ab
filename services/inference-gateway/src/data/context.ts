import type { Logger } from 'pino';
import type { Tokens } from '../auth/tokens.ts';
import type { PredictionLog } from '../log/log.ts';
import type { Metrics } from '../metrics.ts';
import type { Mirror } from '../predict/mirror.ts';
import type { Outliers } from '../predict/outliers.ts';
import type { Router } from '../routing/router.ts';
import type { ByteBudget } from './body.ts';

/** What the data port works with. */
export interface DataContext {
  readonly tokens: Tokens;
  readonly router: Router;
  readonly metrics: Metrics;
  readonly mirror: Mirror;
  readonly outliers: Outliers;
  readonly budget: ByteBudget;
  readonly maxRequestBytes: number;
  readonly log: PredictionLog | undefined;
  readonly logger: Logger;
  /** Undefined while the gateway may be asked; else why not. */
  readonly unready: () => string | undefined;
  readonly openapi: unknown;
}
