import type pg from 'pg';
import {
  audit,
  type ModelRow,
  modelColumns,
  type NewRollout,
  type RawRollout,
  type RolloutRow,
  rolloutOf,
} from './rows.ts';

/** A name that nobody's model has any more is the next team's that asks for it. */
const takeOver = async (
  client: pg.PoolClient,
  row: ModelRow,
  team: string,
): Promise<ModelRow | undefined> => {
  if (row.team === team) return row;
  const { rowCount } = await client.query(
    `update models set team = $2, updated_at = now() where name = $1 and serving_version is null
       and acted_version is null and not exists (select from rollouts where model = $1 and finished_at is null)`,
    [row.name, team],
  );
  return rowCount === 1 ? { ...row, team } : undefined;
};

/** The rollout as it is written down; undefined where one is under way, or the name is another team's. */
export const begin = async (client: pg.PoolClient, rollout: NewRollout): Promise<RolloutRow | undefined> => {
  const { team, model, version, refusal } = rollout;
  await client.query('insert into models (name, team) values ($1, $2) on conflict do nothing', [model, team]);
  const found = await client.query<ModelRow>(
    `select ${modelColumns} from models where name = $1 for update`,
    [model],
  );
  const known = found.rows[0];
  const row = known && (await takeOver(client, known, team));
  if (row === undefined) return undefined;
  const done = refusal !== undefined;
  const { rows } = await client.query<RawRollout>(
    `insert into rollouts (team, model, version, run_id, source, requested_by, stable, steps, phase, step,
       outcome, reason, finished_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12)
     on conflict (model) where finished_at is null do nothing returning *`,
    [
      ...[team, model, version, rollout.runId, rollout.source, rollout.requestedBy, row.serving],
      ...[JSON.stringify(rollout.steps), done ? 'done' : 'deploying', done ? 'refused' : null],
      ...[refusal ?? null, done ? new Date() : null],
    ],
  );
  const raw = rows[0];
  if (raw === undefined) return undefined;
  if (rollout.byAlias)
    await client.query('update models set acted_version = $2, updated_at = now() where name = $1', [
      model,
      version,
    ]);
  const event = done ? 'refused' : 'begun';
  const detail = { version, ...(done ? { reason: refusal } : { stable: row.serving }) };
  await audit(client, { team, model, rollout: raw.id, actor: rollout.requestedBy, event, detail });
  return rolloutOf(raw);
};
