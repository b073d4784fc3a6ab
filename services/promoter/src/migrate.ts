import { pino } from 'pino';
import { database } from './settings.ts';
import { migrate } from './store/migrate.ts';

const logger = pino({ name: 'promoter-migrate', base: null });
try {
  const { data: url, error } = database.safeParse(process.env['DATABASE_URL']);
  if (url === undefined) throw new Error(`DATABASE_URL: ${error?.issues[0]?.message}`);
  logger.info({ done: await migrate(url) }, 'the database is as this version needs it');
} catch (error) {
  logger.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
