import { compare } from './compare.ts';
import { type EnvironmentDiff, markdownReport, textReport } from './report.ts';
import { renderRevisions } from './revisions.ts';
import { UsageError } from './usage.ts';

export interface DiffOptions {
  /** A branch, a tag or a commit. */
  readonly base: string;
  /** Unset: every environment of either revision. */
  readonly environment?: string;
  readonly markdown: boolean;
}

/** What this checkout changes in the rendered environments. Throws on an unknown revision, `UsageError` on an unknown environment. */
export const diff = async ({ base, environment, markdown }: DiffOptions): Promise<string> => {
  const { before, after } = await renderRevisions(base);
  const all = [...new Set([...after.keys(), ...before.keys()])].sort();
  if (environment !== undefined && !all.includes(environment))
    throw new UsageError(
      `no environment ${environment}, neither here nor in ${base}; there are ${all.join(', ')}`,
    );
  const diffs = (environment === undefined ? all : [environment]).map((name): EnvironmentDiff => {
    const changes = compare(before.get(name) ?? [], after.get(name) ?? []);
    if (!before.has(name)) return { environment: name, changes, note: `${base} has no such environment` };
    if (!after.has(name)) return { environment: name, changes, note: 'this environment is removed' };
    return { environment: name, changes };
  });
  return markdown ? markdownReport(diffs, base) : textReport(diffs);
};
