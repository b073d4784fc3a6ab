import type { Database, Queries } from './database.ts';

/** One prediction as it is stored. Bodies are JSON text; null: too large, hidden, or not JSON. */
export interface PredictionRow {
  readonly team: string;
  readonly model: string;
  readonly version: string;
  readonly request_id: string;
  readonly predictor: string;
  readonly fallback_from: string | null;
  readonly time: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly request: string | null;
  readonly response: string | null;
  readonly octets: number;
  readonly rows: number;
  readonly predicted: string | null;
}

/** A version of a team's model. */
export interface Subject {
  readonly team: string;
  readonly model: string;
  readonly version: string;
}

/** Takes what isn't there yet; resolves to that. The same batch again changes nothing. */
export const insertPredictions = async (
  database: Database,
  rows: readonly PredictionRow[],
): Promise<readonly Subject[]> => {
  const taken: Subject[] = [];
  for (let at = 0; at < rows.length; at += 100) {
    const inserted = await database.query<Subject>(
      `insert into prediction (team, model, version, request_id, predictor, fallback_from, time, status, milliseconds,
         request, response, octets, rows, predicted, observed)
       select team, model, version, request_id, predictor, fallback_from, time, status, milliseconds,
         request, response, octets, rows, predicted, rows = 0
       from json_to_recordset($1::json) as r(team text, model text, version text, request_id text, predictor text,
         fallback_from text, time timestamptz, status integer, milliseconds double precision, request text,
         response text, octets integer, rows integer, predicted text)
       on conflict (team, model, request_id) do nothing
       returning team, model, version`,
      [JSON.stringify(rows.slice(at, at + 100))],
    );
    taken.push(...inserted.rows);
  }
  return taken;
};

export interface Backlog {
  readonly team: string;
  /** Of predictions, as is the age: a label may wait for one that doesn't come. */
  readonly rows: number;
  /** Labels' too. */
  readonly octets: number;
  readonly oldestSeconds: number;
}

/** What a label takes beside its text, about: the smallest ones are made of nothing else. */
const labelOctets = 100;

/** What isn't in a file yet, of each team that has such. */
export const backlog = async (database: Queries): Promise<readonly Backlog[]> => {
  const { rows } = await database.query<Backlog>(
    `select team, sum(rows)::int as rows, sum(octets)::float8 as octets,
       coalesce(extract(epoch from now() - min(oldest)), 0)::float8 as "oldestSeconds"
     from (
       select team, count(*) as rows, sum(octets) as octets, min(received_at) as oldest
         from prediction where not written group by team
       union all
       select team, 0, sum(octet_length(label) + octet_length(request_id) + $1::int), null
         from label where not written group by team
     ) each group by team`,
    [labelOctets],
  );
  return rows;
};

/** Forgets what is in files, and labels that have waited for an hour for a prediction. Those that come later find nothing to join. */
export const forget = async (database: Database, days: number): Promise<void> => {
  const before = `now() - make_interval(days => $1::int)`;
  await database.query(`delete from prediction where written and received_at < ${before}`, [days]);
  await database.query(`delete from label where labelled_at < ${before}`, [days]);
  await database.query(
    `delete from label l where not l.written and l.labelled_at < now() - interval '1 hour' and not exists (
       select from prediction p where (p.team, p.model, p.request_id) = (l.team, l.model, l.request_id))`,
  );
  await database.query(`delete from finding where closed_at < now() - interval '1 year'`);
};

export interface LabelRow {
  readonly request_id: string;
  readonly label: string;
}

/** Keeps the last label of each request; resolves to how many of them are joined to a prediction by now. */
export const insertLabels = async (
  database: Database,
  team: string,
  model: string,
  labels: readonly LabelRow[],
): Promise<number> => {
  const given = JSON.stringify(labels);
  await database.query(
    `insert into label (team, model, request_id, label, labelled_at)
     select $1, $2, request_id, label, now() from json_to_recordset($3::json) as r(request_id text, label text)
     on conflict (team, model, request_id) do update
       set label = excluded.label, labelled_at = excluded.labelled_at, file = null, written = false, assessed = false
       where label.label <> excluded.label`,
    [team, model, given],
  );
  const { rows } = await database.query<{ joined: number }>(
    `select count(*)::int as joined from prediction p
     join json_to_recordset($3::json) as r(request_id text) on p.request_id = r.request_id
     where p.team = $1 and p.model = $2`,
    [team, model, given],
  );
  return rows[0]?.joined ?? 0;
};
