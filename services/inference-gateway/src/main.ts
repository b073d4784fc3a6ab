import { pino, stdTimeFunctions } from 'pino';
import { Gateway } from './gateway.ts';
import { readSettings } from './settings.ts';

const logger = pino({
  base: null,
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (level) => ({ level }) },
});
try {
  const gateway = new Gateway(readSettings(process.env), logger);
  await gateway.start();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      void gateway.stop().then(() => logger.info('stopped'));
    });
} catch (error) {
  logger.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
