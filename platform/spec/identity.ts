import { z } from 'zod';
import { administrators } from '../../constructs/contracts/index.ts';
import { type Mistake, show } from './mistakes.ts';
import { missing } from './needs.ts';
import { checked, cidr, objectName } from './values.ts';

const account = z.strictObject({
  name: objectName,
  /** Teams it belongs to, and `platform-admins` for who administers the platform. */
  groups: z.array(objectName),
});

export const identity = z.discriminatedUnion('kind', [
  /** Keycloak, run by Plinth under `https://id.<domain>`. */
  z.strictObject({
    kind: z.literal('keycloak'),
    /** People with a password of the stack's; others are managed in Keycloak. Removing one ends its access. */
    accounts: z.array(account).default([]),
    /** How long an access token is valid, in seconds. */
    tokenSeconds: z.int().min(60).max(300).default(120),
  }),
  /** An OpenID Connect issuer that is there, with its clients and groups made before. */
  z.strictObject({
    kind: z.literal('external'),
    issuer: checked(
      /^https:\/\/[a-z0-9.-]+(:\d+)?(\/[\w./-]*[\w-])?$/,
      "an https address without a final '/'",
      'write it exactly as tokens carry it in `iss`',
    ),
    /** Addresses of the issuer, for the network policies. */
    cidr,
  }),
  z.strictObject({ kind: z.literal('off') }),
]);

interface Parts {
  readonly identity: z.output<typeof identity>;
  readonly postgres: { readonly kind: string };
  readonly gateway: { readonly kind: string };
  readonly teams: readonly { readonly name: string }[];
}

/** What the rest of an environment must have for its own Keycloak. */
export const identityMistakes = (environment: Parts): readonly Mistake[] => {
  const { identity: chosen, teams } = environment;
  if (chosen.kind !== 'keycloak') return [];
  const needs = { postgres: 'identity needs a database', gateway: 'identity needs an address' };
  const mistakes: Mistake[] = [...missing(environment, needs, "identity: { kind: 'external', ... }")];
  const groups = [administrators, ...teams.map(({ name }) => name)];
  const names = chosen.accounts.map(({ name }) => name);
  for (const [index, { name, groups: wanted }] of chosen.accounts.entries()) {
    if (names.indexOf(name) !== index)
      mistakes.push({
        path: `identity.accounts.${index}.name`,
        got: show(name),
        expected: 'a name that no other account has',
        mend: 'rename or remove one of them',
      });
    for (const group of wanted.filter((each) => !groups.includes(each)))
      mistakes.push({
        path: `identity.accounts.${index}.groups`,
        got: show(group),
        expected: `one of ${groups.join(', ')}`,
        mend: 'remove it, or check its spelling',
      });
  }
  return mistakes;
};
