import { pino } from 'pino';
import { IdentitySync } from './identity-sync.ts';
import { readSettings } from './settings.ts';

const logger = pino({ name: 'identity-sync', base: null });
try {
  const sync = new IdentitySync(readSettings(process.env), logger);
  await sync.start();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      void sync.stop().then(() => logger.info('stopped'));
    });
} catch (error) {
  logger.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
