import { z } from 'zod';
import type { Mistake } from './mistakes.ts';
import { missing } from './needs.ts';

export const portal = z.discriminatedUnion('kind', [
  /** The first page, at the environment's own address: what a person may use, what runs, and how it fares. */
  z.strictObject({
    kind: z.literal('on'),
    /** Where people read on, besides what the platform itself has to tell. */
    documentation: z
      .array(
        z.strictObject({
          title: z.string().min(1).max(60),
          url: z.url({
            protocol: /^https$/,
            error: 'an https address | write it like https://wiki.example.com',
          }),
          about: z.string().max(120).optional(),
        }),
      )
      .max(20)
      .default([]),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);

interface Parts {
  readonly portal: z.output<typeof portal>;
  readonly identity: { readonly kind: string };
  readonly gateway: { readonly kind: string };
}

/** What the rest of an environment must have for its first page. */
export const portalMistakes = (environment: Parts): readonly Mistake[] => {
  if (environment.portal.kind === 'off') return [];
  const needs = {
    identity: 'portal needs to know who looks',
    gateway: 'portal needs an address',
  };
  return missing(environment, needs, "portal: { kind: 'off' }");
};
