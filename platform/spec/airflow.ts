import { z } from 'zod';
import type { Mistake } from './mistakes.ts';
import { missing } from './needs.ts';
import { checked, cidr, objectName, replicas } from './values.ts';

const dags = z.discriminatedUnion('kind', [
  /** A git repository with a folder for each team. */
  z.strictObject({
    kind: z.literal('git'),
    url: checked(
      /^https:\/\/[a-z0-9.-]+(:\d+)?\/[\w./-]+$/,
      'an https address of a git repository',
      'write it like https://git.example.com/ml/dags.git',
    ),
    branch: checked(/^[\w./-]+$/, 'a branch of the repository', "write it like 'main'").default('main'),
    /** Folder that has the teams' folders; unset: the repository's root. */
    folder: checked(
      /^[\w-][\w./-]*$/,
      "a folder of the repository, without '/' before it",
      "write it like 'pipelines'",
    ).optional(),
    /** Addresses of the git server, for the network policies. */
    cidr,
    /** Secret with `username` and `password`, there before in namespace `airflow` and in each team's. */
    secret: objectName.optional(),
  }),
  /** The examples of this repository, from a git server without history: for the lab. */
  z.strictObject({ kind: z.literal('examples') }),
]);

export const airflow = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('on'),
    dags,
    apiServers: replicas.default(1),
    /** Lets tasks defer; costs a process. */
    triggerer: z.boolean().default(false),
    /** Tasks of one team that may run at a time. */
    slots: z.int().min(1).max(10_000).default(16),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);

interface Parts {
  readonly airflow: z.output<typeof airflow>;
  readonly postgres: { readonly kind: string };
  readonly objectStore: { readonly kind: string };
  readonly gateway: { readonly kind: string };
  readonly identity: { readonly kind: string };
  readonly teams: readonly unknown[];
}

/** What the rest of an environment must have for Airflow. */
export const airflowMistakes = (environment: Parts): readonly Mistake[] => {
  if (environment.airflow.kind === 'off') return [];
  const without = "airflow: { kind: 'off' }";
  const needs = {
    postgres: 'airflow needs a database',
    objectStore: 'airflow needs a place for logs',
    gateway: 'airflow needs an address',
    identity: 'airflow needs somebody to sign people in',
  };
  const mistakes = missing(environment, needs, without);
  if (environment.teams.length > 0) return mistakes;
  const expected = 'at least one team, because airflow needs somebody whose DAGs it runs';
  return [...mistakes, { path: 'teams', got: '[]', expected, mend: `add one, or write ${without}` }];
};
