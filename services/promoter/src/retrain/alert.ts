import { z } from 'zod';

const label = z.string().min(1).max(200);

const told = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: z.looseObject({
    alertname: label,
    team: label,
    model: label,
    version: label.optional(),
    field: label.optional(),
  }),
  startsAt: z.iso.datetime({ offset: true }),
  fingerprint: label,
});

const notification = z.object({ alerts: z.array(told).min(1) });

/** One alert since it began to fire: told again it has the same fingerprint and start, and after a pause another start. */
export interface Firing {
  readonly fingerprint: string;
  readonly startsAt: Date;
  readonly name: string;
  readonly version: string | undefined;
  readonly field: string | undefined;
}

/** What is wrong with one model's predictions at the moment. */
export interface DriftAlert {
  readonly team: string;
  readonly model: string;
  /** None where all has resolved. */
  readonly firing: readonly Firing[];
}

/** What Alertmanager's webhook says of one model; undefined where it is no such message, or about several models. */
export const driftAlertOf = (body: unknown): DriftAlert | undefined => {
  const alerts = notification.safeParse(body).data?.alerts;
  const [first] = alerts ?? [];
  if (alerts === undefined || first === undefined) return undefined;
  const { team, model } = first.labels;
  if (alerts.some(({ labels }) => labels.team !== team || labels.model !== model)) return undefined;
  const firing = alerts
    .filter(({ status }) => status === 'firing')
    .map(({ fingerprint, startsAt, labels: { alertname: name, version, field } }) => ({
      ...{ fingerprint, startsAt: new Date(startsAt), name, version, field },
    }));
  return { team, model, firing };
};
