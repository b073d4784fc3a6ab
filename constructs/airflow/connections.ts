import { type EnvSource, value } from '../contracts/index.ts';

/** A connection by its id, as `AIRFLOW_CONN_<ID>`: none is in the database, where any task could read it. */
export const connection = (id: string, content: object): Record<string, EnvSource> => ({
  [`AIRFLOW_CONN_${id.toUpperCase()}`]: value(JSON.stringify(content)),
});

/** The user of the image: Airflow refuses to run as a number without a name. */
export const userId = 65_532;
