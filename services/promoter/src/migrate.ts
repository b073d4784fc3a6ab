import { pino } from 'pino';
import { migrate } from './store/migrate.ts';

const logger = pino({ name: 'promoter-migrate', base: null });
try {
  const url = process.env['DATABASE_URL'];
  if (url === undefined || url === '') throw new Error('DATABASE_URL: required');
  logger.info({ done: await migrate(url) }, 'the database is as this version needs it');
} catch (error) {
  logger.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
