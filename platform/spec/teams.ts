import { z } from 'zod';
import type { Mistake } from './mistakes.ts';
import { notebookImage } from './registry.ts';
import { objectName } from './values.ts';

const limits = z.strictObject({
  /** Cores, summed over what pods request. */
  cpu: z.number().positive().max(10_000).default(8),
  memoryGiB: z.int().min(1).max(100_000).default(32),
  storageGiB: z.int().min(1).max(1_000_000).default(200),
  pods: z.int().min(1).max(10_000).default(50),
});

/** No team can be named like a component's namespace: its own always begins with `team-`. */
export const teamNamespace = (name: string): string => (name.startsWith('team-') ? name : `team-${name}`);

/** Whether a name in `confirmDataLoss` is of a team's data. By its shape: data of a team that is gone can be named too. */
export const isTeamData = (name: string): boolean => /^team-[-a-z0-9]+\/(shared|homes)$/.test(name);

/** A team; members come from the identity provider's group of the same name. */
export const team = z.strictObject({
  name: objectName.refine((name) => name.length >= 3 && name.length <= 30, {
    error: 'a name of 3 to 30 characters | change its length: a bucket and other objects are named after it',
  }),
  /** A database of its own in the platform's PostgreSQL, for notebooks, DAG tasks and Spark. */
  database: z.boolean().default(false),
  /** Notebook images of its own; its bucket has their wheels below `wheels/`. */
  images: z.array(notebookImage).default([]),
  limits: limits.prefault({}),
});

interface Parts {
  readonly teams: readonly z.output<typeof team>[];
  readonly postgres: { readonly kind: string; readonly authoritySecret?: string | undefined };
}

/** What a team's database needs of the rest of an environment. */
export const teamsMistakes = ({ teams, postgres }: Parts): readonly Mistake[] => {
  const without = postgres.kind === 'off' ? 'a PostgreSQL that it can be in' : undefined;
  // The pods of a team are its own: nothing mounts the server's authority into them.
  const unchecked = postgres.authoritySecret === undefined ? undefined : 'a server without authoritySecret';
  const needed = without ?? unchecked;
  if (needed === undefined) return [];
  return teams.flatMap(({ database }, index) =>
    database
      ? [
          {
            path: `teams.${index}.database`,
            got: 'true',
            expected: `false, because a team's database needs ${needed}`,
            mend: 'remove it, or change postgres',
          },
        ]
      : [],
  );
};
