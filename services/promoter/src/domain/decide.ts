import { judge } from './judge.ts';
import type { Policy } from './policy.ts';
import type { Entry, Observation, Outcome, Rollout } from './rollout.ts';

export interface Decision {
  /** The same object where nothing changes. */
  readonly rollout: Rollout;
  readonly entries: readonly Entry[];
}

type Change = Partial<Omit<Rollout, 'id' | 'team' | 'model' | 'version' | 'revision'>>;

const changed = (rollout: Rollout, change: Change, ...entries: readonly Entry[]): Decision => ({
  rollout: { ...rollout, ...change },
  entries,
});

const end = (rollout: Rollout, outcome: Outcome, reason: string | null): Decision =>
  changed(
    rollout,
    { phase: 'ending', since: null, outcome, reason },
    {
      event: outcome === 'promoted' ? 'promoting' : 'rollingBack',
      detail: reason === null ? {} : { reason },
    },
  );

/** Into the step of this index, or past the last one. */
const enter = (rollout: Rollout, step: number, ...before: readonly Entry[]): Decision => {
  const next = rollout.steps[step];
  if (next === undefined) {
    const ended = end({ ...rollout, step }, 'promoted', null);
    return { ...ended, entries: [...before, ...ended.entries] };
  }
  return changed(rollout, { phase: 'step', step, since: null, blindSince: null }, ...before, {
    event: 'step',
    detail: { step, ...next },
  });
};

/** Nobody to be compared with and nobody to answer in its place: the first version goes straight to all requests. */
const firstStep = (rollout: Rollout): number => (rollout.stable === null ? rollout.steps.length : 0);

const deploying = (rollout: Rollout, seen: Observation, since: number, policy: Policy): Decision => {
  const { pods, now } = seen;
  const late = now - since >= policy.readySeconds * 1000;
  switch (pods.kind) {
    case 'ready':
      return enter(rollout, firstStep(rollout), { event: 'ready', detail: {} });
    case 'failed':
      return end(rollout, 'rolledBack', `its pods don't start: ${pods.why}`);
    case 'absent':
    case 'starting': {
      if (!late) return { rollout, entries: [] };
      const why = pods.kind === 'starting' && pods.why !== undefined ? `: ${pods.why}` : '';
      return end(rollout, 'rolledBack', `not ready within ${policy.readySeconds} s${why}`);
    }
    default:
      return pods satisfies never;
  }
};

const blind = (rollout: Rollout, now: number, policy: Policy): Decision => {
  if (rollout.blindSince === null) return changed(rollout, { blindSince: now });
  return now - rollout.blindSince >= policy.blindSeconds * 1000
    ? end(rollout, 'rolledBack', `nothing could be measured for ${policy.blindSeconds} s`)
    : { rollout, entries: [] };
};

const stepping = (rollout: Rollout, seen: Observation, since: number, policy: Policy): Decision => {
  const step = rollout.steps[rollout.step];
  if (step === undefined) return enter(rollout, rollout.step);
  if (seen.pods.kind === 'failed') return end(rollout, 'rolledBack', `its pods fail: ${seen.pods.why}`);
  const { measured, now } = seen;
  if (measured === undefined) return blind(rollout, now, policy);
  const sighted = rollout.blindSince === null ? rollout : { ...rollout, blindSince: null };
  const verdict = judge(measured, policy.gates);
  if (verdict.kind === 'fail') return end(sighted, 'rolledBack', verdict.reason);
  if (step.kind === 'approval')
    return rollout.approved === rollout.step
      ? enter(sighted, rollout.step + 1, { event: 'approved', detail: { step: rollout.step } })
      : { rollout: sighted, entries: [] };
  // Prometheus is behind by up to a scrape: what was measured has to cover the whole step.
  if (measured.until < since + step.seconds * 1000) return { rollout: sighted, entries: [] };
  const detail = { step: rollout.step, ...measured, quality: verdict.quality };
  if (verdict.kind === 'pass') return enter(sighted, rollout.step + 1, { event: 'passed', detail });
  return now - since < (step.seconds + policy.gates.quietSeconds) * 1000
    ? { rollout: sighted, entries: [] }
    : enter(sighted, rollout.step + 1, { event: 'quiet', detail });
};

/** A predictor that left the routes finishes what it has: its time-out, and a margin. */
const drainMargin = 5000;

/**
 * What comes next: a function of what is known and nothing else, called when what the rollout wants is applied. Asked
 * again with the same it decides the same, so whoever is killed between two questions has lost nothing.
 */
export const decide = (rollout: Rollout, seen: Observation, policy: Policy): Decision => {
  const { phase, since, stopReason } = rollout;
  if (phase === 'done') return { rollout, entries: [] };
  if (phase !== 'ending' && stopReason !== null) return end(rollout, 'rolledBack', stopReason);
  if (since === null) return changed(rollout, { since: seen.now });
  switch (phase) {
    case 'deploying':
      return deploying(rollout, seen, since, policy);
    case 'step':
      return stepping(rollout, seen, since, policy);
    case 'ending':
      return seen.now - since < policy.limits.timeoutMs + drainMargin
        ? { rollout, entries: [] }
        : changed(
            rollout,
            { phase: 'done', since: seen.now },
            { event: 'finished', detail: { outcome: rollout.outcome } },
          );
    default:
      return phase satisfies never;
  }
};
