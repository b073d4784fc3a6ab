import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { parsePlatform } from './platform.ts';
import { Portal } from './portal.ts';
import { readSettings } from './settings.ts';

const logger = pino({ name: 'portal', base: null });
try {
  const settings = readSettings(process.env);
  const platform = parsePlatform(await readFile(settings.PLATFORM_FILE, 'utf8'));
  const portal = new Portal({ settings, platform, logger });
  await portal.start();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      void portal.stop().then(() => logger.info('stopped'));
    });
} catch (error) {
  logger.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
