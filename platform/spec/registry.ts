import { z } from 'zod';
import { type Mistake, show } from './mistakes.ts';
import { missing } from './needs.ts';
import { checked, objectName } from './values.ts';

export const platformRegistry = z.discriminatedUnion('kind', [
  /** Images that teams make, at `registry.<domain>`, in a bucket of its own. */
  z.strictObject({ kind: z.literal('on') }),
  z.strictObject({ kind: z.literal('off') }),
]);

/** What the platform's own notebook image is called where people choose one. */
export const standardImage = 'standard';

/** A notebook image of a team's: the platform's own with these packages besides. */
export const notebookImage = z.strictObject({
  name: objectName.refine((name) => name.length <= 40 && name !== standardImage, {
    error: `a name of at most 40 characters that isn't '${standardImage}' | rename it`,
  }),
  /** Every package that isn't in the platform's image, as `pip-compile --generate-hashes` or `uv` write it, a line each. */
  requirements: z
    .array(
      checked(
        /^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+( --hash=sha256:[0-9a-f]{64})+$/,
        'one version of one package with the hashes of its wheels',
        'write it like tabulate==0.9.0 --hash=sha256:<64 hex digits>',
      ),
    )
    .min(1)
    .max(500),
});

interface Parts {
  readonly registry: { readonly kind: string };
  readonly objectStore: { readonly kind: string };
  readonly gateway: { readonly kind: string };
  readonly notebooks: { readonly kind: string };
  readonly teams: readonly { readonly images: readonly { readonly name: string }[] }[];
}

/** What the registry needs of the rest of an environment, and what images of teams need. */
export const registryMistakes = (environment: Parts): readonly Mistake[] => {
  const { registry, notebooks, teams } = environment;
  const needs = { objectStore: 'registry needs a bucket', gateway: 'registry needs an address for nodes' };
  const mistakes: Mistake[] =
    registry.kind === 'off' ? [] : [...missing(environment, needs, "registry: { kind: 'off' }")];
  for (const [index, { images }] of teams.entries()) {
    const path = `teams.${index}.images`;
    const without = [
      ...(registry.kind === 'off' ? ['a registry'] : []),
      ...(notebooks.kind === 'off' ? ['notebooks'] : []),
    ];
    if (images.length > 0 && without.length > 0)
      mistakes.push({
        path,
        got: `${images.length}`,
        expected: `none, because they need ${without.join(' and ')}`,
        mend: 'remove them, or switch on what they need',
      });
    const names = images.map(({ name }) => name);
    for (const [at, name] of names.entries())
      if (names.indexOf(name) !== at)
        mistakes.push({
          path: `${path}.${at}.name`,
          got: `${show(name)} twice`,
          expected: 'names that differ',
          mend: 'rename or remove one of them',
        });
  }
  return mistakes;
};
