import { pino } from 'pino';
import { database } from './settings.ts';
import { Postgres } from './store/database.ts';
import { migrate } from './store/migrate.ts';

const logger = pino({ name: 'prediction-log-migrate', base: null });
try {
  const { data: url, error } = database.safeParse(process.env['DATABASE_URL']);
  if (url === undefined) throw new Error(`DATABASE_URL: ${error?.issues[0]?.message}`);
  const postgres = new Postgres(url, () => {});
  logger.info({ done: await migrate(postgres) }, 'the database is as this version needs it');
  await postgres.close();
} catch (error) {
  logger.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
