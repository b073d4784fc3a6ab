import { z } from 'zod';
import { type Mistake, show } from './mistakes.ts';
import { missing } from './needs.ts';
import { checked, gibibytes, objectName } from './values.ts';

const size = z.strictObject({
  name: objectName,
  /** Cores that a server asks for; it may use what is idle. */
  cpu: z.number().min(0.01).max(1000),
  /** What it asks for and is held to. */
  memoryGiB: z.int().min(1).max(10_000),
});

const accelerator = z.strictObject({
  name: objectName,
  /** What nodes offer, like nvidia.com/gpu. */
  resource: checked(
    /^[a-z0-9.-]+\/[a-zA-Z0-9._-]+$/,
    'a resource that nodes offer, with its domain',
    'write it like nvidia.com/gpu',
  ),
  count: z.int().min(1).max(64).default(1),
});

/** Servers that a member may run at once in a team of which the environment says nothing else. */
export const serversPerMember = 3;

const forTeam = z.strictObject({
  /** Names of the sizes that its members may choose; unset: all. */
  sizes: z.array(objectName).min(1).optional(),
  accelerators: z.array(objectName).optional(),
  /** Servers that one member may run at once. */
  servers: z.int().min(1).max(20).default(serversPerMember),
});

export const notebooks = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('on'),
    /** The first one is what somebody gets who doesn't choose. */
    sizes: z
      .array(size)
      .min(1)
      .default([
        { name: 'small', cpu: 0.25, memoryGiB: 2 },
        { name: 'medium', cpu: 1, memoryGiB: 8 },
        { name: 'large', cpu: 4, memoryGiB: 32 },
      ]),
    accelerators: z.array(accelerator).default([]),
    /** Volume of each person, per team. */
    homeGiB: gibibytes.default(10),
    /** A volume that all servers of a team mount; `acrossNodes` needs a storage class that allows it. */
    shared: z
      .strictObject({ storageGiB: gibibytes.default(20), acrossNodes: z.boolean().default(true) })
      .optional(),
    /** A server that nobody uses for so long is stopped; one whose kernel computes is used. */
    idleMinutes: z.int().min(5).max(10_080).default(60),
    /** Hours after which a server is stopped even in use; 0: never. */
    maxHours: z.int().min(0).max(8760).default(0),
    /** What differs for a team, by its name. */
    teams: z.record(z.string(), forTeam).default({}),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);

interface Parts {
  readonly notebooks: z.output<typeof notebooks>;
  readonly postgres: { readonly kind: string };
  readonly gateway: { readonly kind: string };
  readonly identity: { readonly kind: string };
  readonly teams: readonly { readonly name: string }[];
}

/** What the rest of an environment must have for notebooks, and names that notebooks use without there being one. */
export const notebooksMistakes = (environment: Parts): readonly Mistake[] => {
  const { notebooks: chosen, teams } = environment;
  if (chosen.kind === 'off') return [];
  const without = "notebooks: { kind: 'off' }";
  const needs = {
    postgres: 'notebooks need a database',
    gateway: 'notebooks need an address',
    identity: 'notebooks need to know who is who',
  };
  const mistakes: Mistake[] = [...missing(environment, needs, without)];
  if (teams.length === 0)
    mistakes.push({
      path: 'teams',
      got: 'none',
      expected: 'at least one, because servers run in the namespaces of teams',
      mend: `add one, or write ${without}`,
    });
  const known = (path: string, names: readonly string[], all: readonly string[]): void => {
    for (const name of names.filter((each) => !all.includes(each)))
      mistakes.push({
        path,
        got: show(name),
        expected: all.length === 0 ? 'nothing, for there is none' : `one of ${all.join(', ')}`,
        mend: 'remove it, or check its spelling',
      });
  };
  const once = (path: string, names: readonly string[]): void => {
    for (const name of names.filter((each, index) => names.indexOf(each) !== index))
      mistakes.push({
        path,
        got: `${show(name)} twice`,
        expected: 'names that differ',
        mend: 'rename or remove one of them',
      });
  };
  const sizes = chosen.sizes.map(({ name }) => name);
  const accelerators = chosen.accelerators.map(({ name }) => name);
  once('notebooks.sizes', sizes);
  once('notebooks.accelerators', ['none', ...accelerators]);
  const names = teams.map(({ name }) => name);
  known('notebooks.teams', Object.keys(chosen.teams), names);
  for (const [team, { sizes: some = [], accelerators: those = [] }] of Object.entries(chosen.teams)) {
    known(`notebooks.teams.${team}.sizes`, some, sizes);
    known(`notebooks.teams.${team}.accelerators`, those, accelerators);
  }
  return mistakes;
};
