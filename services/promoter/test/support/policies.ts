import type { Gates, Policy, PolicyFile, Step } from '../../src/domain/policy.ts';

export const gates: Gates = {
  errors: 0.02,
  slowdown: 3,
  quantile: 0.95,
  fastEnough: 0.05,
  differing: 1,
  requests: 20,
  quietSeconds: 100,
  labels: 200,
  qualityDrop: 0.05,
};

export const steps: readonly Step[] = [
  { kind: 'shadow', seconds: 30 },
  { kind: 'approval' },
  { kind: 'canary', weight: 10, seconds: 30 },
  { kind: 'canary', weight: 50, seconds: 60 },
];

export const policy: Policy = {
  steps: [...steps],
  gates,
  readySeconds: 600,
  blindSeconds: 300,
  limits: { timeoutMs: 10_000, maxConcurrent: 8, maxQueued: 16 },
  log: { sample: 0, redact: [] },
};

export const withSteps = (...chosen: readonly Step[]): Policy => ({ ...policy, steps: [...chosen] });

export const policies = (own: Policy = policy): PolicyFile => ({
  default: own,
  models: {},
  teams: [
    { name: 'team-a', namespace: 'team-a' },
    { name: 'team-b', namespace: 'team-b' },
  ],
  declared: ['declared'],
});
