import type { Score } from '../drift/statistics.ts';
import type { Database, Queries } from './database.ts';
import type { Subject } from './predictions.ts';

export type FindingKind = 'window' | 'quality';

export interface Finding extends Subject {
  readonly kind: FindingKind;
  readonly rows: number;
  readonly first: Date;
  readonly last: Date;
  readonly scores: Readonly<Record<string, readonly Score[]>>;
}

/** Requests of a window, oldest first. */
export interface WindowRow {
  readonly seq: number;
  readonly time: Date;
  readonly rows: number;
  readonly request: string | null;
  readonly response: string | null;
}

export interface LabelledRow {
  readonly request_id: string;
  readonly time: Date;
  readonly predicted: string | null;
  readonly label: string;
}

/** Versions with enough rows for a window, whether or not they have a baseline. */
export const fullWindows = async (database: Database, rows: number): Promise<readonly Subject[]> =>
  (
    await database.query<Subject>(
      `select team, model, version from prediction where not observed
       group by team, model, version having sum(rows) >= $1 order by min(seq)`,
      [rows],
    )
  ).rows;

/** Versions with enough new labels to judge by. */
export const fullAssessments = async (database: Database, rows: number): Promise<readonly Subject[]> =>
  (
    await database.query<Subject>(
      `select p.team, p.model, p.version from label l join prediction p using (team, model, request_id)
       where not l.assessed group by 1, 2, 3 having sum(greatest(p.rows, 1)) >= $1`,
      [rows],
    )
  ).rows;

/** The work is done by one process at a time; undefined where another is at it. */
export const alone = <T>(
  database: Database,
  { team, model, version }: Subject,
  work: (queries: Queries) => Promise<T>,
): Promise<T | undefined> =>
  database.transaction(async (queries) => {
    const { rows } = await queries.query<{ locked: boolean }>(
      'select pg_try_advisory_xact_lock(hashtext($1)) as locked',
      [`plinth/prediction-log/${team}/${model}/${version}`],
    );
    return rows[0]?.locked === true ? work(queries) : undefined;
  });

/** The next page of a version's rows that are in no window, after `seq`. */
export const nextRows = async (
  queries: Queries,
  { team, model, version }: Subject,
  seq: number,
  limit: number,
): Promise<readonly WindowRow[]> =>
  (
    await queries.query<WindowRow>(
      `select seq::float8 as seq, time, rows, request, response from prediction
       where team = $1 and model = $2 and version = $3 and not observed and seq > $4 order by seq limit $5`,
      [team, model, version, seq, limit],
    )
  ).rows;

/** These rows are in a window; bodies that no file waits for are let go. */
export const observed = async (
  queries: Queries,
  { team, model, version }: Subject,
  upTo: number,
): Promise<void> => {
  await queries.query(
    `update prediction set observed = true,
       request = case when written then null else request end,
       response = case when written then null else response end
     where team = $1 and model = $2 and version = $3 and not observed and seq <= $4`,
    [team, model, version, upTo],
  );
};

/** Labels that were in no counter and have a prediction, with it; they are counted from now on. */
export const countLabels = async (
  queries: Queries,
  limit: number,
): Promise<readonly (Subject & LabelledRow)[]> =>
  (
    await queries.query<Subject & LabelledRow>(
      `update label l set counted = true from prediction p
       where (l.team, l.model, l.request_id) = (p.team, p.model, p.request_id) and l.ctid in (
         select l.ctid from label l join prediction p using (team, model, request_id) where not l.counted
         limit $1 for update of l skip locked)
       returning p.team, p.model, p.version, p.request_id, p.time, p.predicted, l.label`,
      [limit],
    )
  ).rows;

export const newLabels = async (
  queries: Queries,
  { team, model, version }: Subject,
  limit: number,
): Promise<readonly LabelledRow[]> =>
  (
    await queries.query<LabelledRow>(
      `select p.request_id, p.time, p.predicted, l.label from label l join prediction p using (team, model, request_id)
       where p.team = $1 and p.model = $2 and p.version = $3 and not l.assessed order by p.seq limit $4`,
      [team, model, version, limit],
    )
  ).rows;

export const assessed = async (
  queries: Queries,
  { team, model }: Subject,
  requests: readonly string[],
): Promise<void> => {
  await queries.query(
    `update label set assessed = true where team = $1 and model = $2
     and request_id in (select value from json_array_elements_text($3::json))`,
    [team, model, JSON.stringify(requests)],
  );
};

export const record = async (queries: Queries, finding: Finding): Promise<void> => {
  const { team, model, version, kind, rows, first, last, scores } = finding;
  await queries.query(
    `insert into finding (team, model, version, kind, rows, first_at, last_at, scores)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [team, model, version, kind, rows, first, last, JSON.stringify(scores)],
  );
};

/** Versions that were asked in the last minutes, and when. */
export const lastAsked = async (
  database: Database,
  minutes: number,
): Promise<readonly (Subject & { readonly at: Date })[]> =>
  (
    await database.query<Subject & { readonly at: Date }>(
      `select team, model, version, max(received_at) as at from prediction
       where received_at > now() - make_interval(mins => $1::int) group by team, model, version`,
      [minutes],
    )
  ).rows;

/** The last finding of each version and kind against the baseline that it has now, for whoever starts. */
export const latest = async (
  database: Database,
  days: number,
): Promise<readonly (Finding & { readonly closed: Date })[]> => {
  const { rows } = await database.query<
    Omit<Finding, 'scores'> & { readonly closed: Date; readonly scores: string }
  >(
    `select distinct on (team, model, version, kind) team, model, version, kind, rows, first_at as first,
       last_at as last, scores, closed_at as closed
     from finding join baseline using (team, model, version)
     where closed_at >= recorded_at and closed_at > now() - make_interval(days => $1::int)
     order by team, model, version, kind, id desc`,
    [days],
  );
  return rows.map((row) => ({ ...row, scores: JSON.parse(row.scores) }));
};

export const baselineOf = async (
  queries: Queries,
  { team, model, version }: Subject,
): Promise<string | undefined> =>
  (
    await queries.query<{ content: string }>(
      'select content from baseline where team = $1 and model = $2 and version = $3',
      [team, model, version],
    )
  ).rows[0]?.content;

/** Resolves to whether the version had none, or another one. */
export const keepBaseline = async (
  queries: Queries,
  { team, model, version }: Subject,
  content: string,
): Promise<boolean> => {
  const { rows } = await queries.query(
    `insert into baseline (team, model, version, content) values ($1, $2, $3, $4)
     on conflict (team, model, version) do update set content = excluded.content, recorded_at = now()
       where baseline.content <> excluded.content
     returning 1`,
    [team, model, version, content],
  );
  return rows.length > 0;
};
