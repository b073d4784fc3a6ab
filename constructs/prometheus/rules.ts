import type { Alert, Observable, RecordingRule } from '../contracts/index.ts';

/** Where what to do about an alert is written, from the root of the repository. */
export const runbookOf = (alert: string): string => `docs/runbooks/${alert}.md`;

const recording = ({ record, expr }: RecordingRule): object => ({ record, expr });

const alerting = ({ name, expr, for: duration, severity, summary }: Alert): object => ({
  alert: name,
  expr,
  for: `${duration.toMinutes()}m`,
  labels: { severity },
  annotations: { summary, runbook: runbookOf(name) },
});

export interface RuleGroup {
  readonly name: string;
  readonly observable: Omit<Observable, 'metrics'>;
}

/** A rule file: one group per component, whose alerts see what its recordings computed in the same evaluation. */
export const ruleFile = (groups: readonly RuleGroup[]): object => ({
  groups: groups.map(({ name, observable: { recordings = [], alerts = [] } }) => ({
    name,
    rules: [...recordings.map(recording), ...alerts.map(alerting)],
  })),
});
