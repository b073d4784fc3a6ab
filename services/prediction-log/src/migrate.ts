import { pino } from 'pino';
import { Postgres } from './store/database.ts';
import { migrate } from './store/migrate.ts';

const logger = pino({ name: 'prediction-log-migrate', base: null });
try {
  const url = process.env['DATABASE_URL'];
  if (url === undefined || url === '') throw new Error('DATABASE_URL: required');
  const database = new Postgres(url, () => {});
  logger.info({ done: await migrate(database) }, 'the database is as this version needs it');
  await database.close();
} catch (error) {
  logger.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
