import { randomUUID } from 'node:crypto';
import type { Database } from './database.ts';
import type { PredictionRow, Subject } from './predictions.ts';

// A file's rows are chosen and written down before it is written: whoever is interrupted in between, or isn't told
// that it was stored, writes the same object again. So every row is in exactly one object.

export type Kind = 'prediction' | 'label';

/** A file whose rows are chosen. `hour` is UTC, like `2026-11-28T21`. */
export interface Claim extends Subject {
  readonly kind: Kind;
  readonly file: string;
  readonly hour: string;
}

export interface FileRules {
  readonly rows: number;
  readonly bytes: number;
  /** A row waits this long for others. */
  readonly seconds: number;
}

export type PredictionEntry = Omit<PredictionRow, 'octets' | 'rows' | 'predicted'>;

export interface LabelEntry {
  readonly request_id: string;
  readonly label: string;
  readonly time: Date;
  readonly labelled_at: Date;
}

const hourOf = `to_char(date_trunc('hour', p.time at time zone 'UTC'), 'YYYY-MM-DD"T"HH24')`;

/** Each kind with the rows that no file has yet; a label's hour and version are its prediction's. */
const unclaimed: Readonly<Record<Kind, string>> = {
  prediction: `from prediction p where p.file is null and not p.written`,
  label: `from label l join prediction p using (team, model, request_id) where l.file is null and not l.written`,
};
const since: Readonly<Record<Kind, string>> = { prediction: 'p.received_at', label: 'l.labelled_at' };
const keyOf: Readonly<Record<Kind, string>> = { prediction: 'p.seq', label: 'l.ctid' };
const octetsOf: Readonly<Record<Kind, string>> = { prediction: 'p.octets', label: 'length(l.label)' };

/** Teams of which something is in no file yet. */
export const unwritten = async (database: Database): Promise<readonly string[]> => {
  const { rows } = await database.query<{ team: string }>(
    `select team from prediction where not written union select team from label where not written`,
  );
  return rows.map(({ team }) => team);
};

/** Files of a team that were begun and not finished. */
export const begun = async (database: Database, kind: Kind, team: string): Promise<readonly Claim[]> => {
  const join =
    kind === 'prediction' ? 'prediction p' : 'label l join prediction p using (team, model, request_id)';
  const own = kind === 'prediction' ? 'p' : 'l';
  const { rows } = await database.query<Omit<Claim, 'kind'>>(
    `select distinct ${own}.file::text as file, p.team, p.model, p.version, ${hourOf} as hour
     from ${join} where ${own}.file is not null and not ${own}.written and p.team = $1 limit 100`,
    [team],
  );
  return rows.map((row) => ({ kind, ...row }));
};

/** Chooses the rows of a team's next file: of a group that is large or old enough. */
export const claim = (
  database: Database,
  kind: Kind,
  team: string,
  rules: FileRules,
): Promise<Claim | undefined> =>
  database.transaction(async (queries) => {
    await queries.query(`select pg_advisory_xact_lock(hashtext('plinth/prediction-log/claim'))`);
    const { rows } = await queries.query<Subject & { readonly hour: string }>(
      `select p.team, p.model, p.version, ${hourOf} as hour ${unclaimed[kind]}
         and p.team = $4
       group by 1, 2, 3, 4
       having count(*) >= $1 or sum(${octetsOf[kind]}) >= $2
         or min(${since[kind]}) <= now() - make_interval(secs => $3)
       order by min(${since[kind]}) limit 1`,
      [rules.rows, rules.bytes, rules.seconds, team],
    );
    const group = rows[0];
    if (group === undefined) return undefined;
    const file = randomUUID();
    await queries.query(
      `update ${kind} set file = $1 where ${kind === 'prediction' ? 'seq' : 'ctid'} in (
         select id from (
           select ${keyOf[kind]} as id, row_number() over w as place,
             sum(${octetsOf[kind]}) over w - ${octetsOf[kind]} as before
           ${unclaimed[kind]} and p.team = $2 and p.model = $3 and p.version = $4 and ${hourOf} = $5
           window w as (order by p.seq rows unbounded preceding)
         ) each where place <= $6 and before < $7)`,
      [file, group.team, group.model, group.version, group.hour, rules.rows, rules.bytes],
    );
    return { kind, file, ...group };
  });

export const predictionsOf = async (
  database: Database,
  { file }: Claim,
): Promise<readonly PredictionEntry[]> => {
  const { rows } = await database.query<PredictionEntry & { readonly time: Date | string }>(
    `select team, model, version, request_id, predictor, fallback_from, time, status, milliseconds, request, response
     from prediction where file = $1::uuid order by seq`,
    [file],
  );
  return rows;
};

export const labelsOf = async (database: Database, { file }: Claim): Promise<readonly LabelEntry[]> => {
  const { rows } = await database.query<LabelEntry>(
    `select l.request_id, l.label, p.time, l.labelled_at
     from label l join prediction p using (team, model, request_id) where l.file = $1::uuid order by p.seq`,
    [file],
  );
  return rows;
};

/** The object is stored; bodies that no window waits for are let go. */
export const finish = async (database: Database, { kind, file }: Claim): Promise<void> => {
  const bodies =
    kind === 'prediction'
      ? `, request = case when observed then null else request end,
           response = case when observed then null else response end`
      : '';
  await database.query(`update ${kind} set written = true${bodies} where file = $1::uuid`, [file]);
};
