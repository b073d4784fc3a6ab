import { pino, stdTimeFunctions } from 'pino';
import { Tokens } from './api/tokens.ts';
import { Buckets } from './log/bucket.ts';
import { PredictionLog } from './service.ts';
import { readSettings } from './settings.ts';
import { Postgres } from './store/database.ts';

const logger = pino({
  base: null,
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (level) => ({ level }) },
});
try {
  const settings = readSettings(process.env);
  const service = new PredictionLog(settings, logger, {
    database: new Postgres(settings.DATABASE_URL, (error) =>
      logger.warn({ reason: error.message }, 'a connection to the database broke'),
    ),
    bucket: new Buckets(settings),
    tokens: new Tokens(settings),
  });
  await service.start();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      void service.stop().then(() => logger.info('stopped'));
    });
} catch (error) {
  logger.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
