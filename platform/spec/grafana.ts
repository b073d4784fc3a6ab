import { z } from 'zod';
import { type Mistake, show } from './mistakes.ts';

export const grafana = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('on') }),
  z.strictObject({ kind: z.literal('off') }),
]);

interface Parts {
  readonly grafana: z.output<typeof grafana>;
  readonly monitoring: { readonly kind: string };
  readonly identity: { readonly kind: string };
}

/** What the rest of an environment must have for Grafana. */
export const grafanaMistakes = (environment: Parts): readonly Mistake[] => {
  if (environment.grafana.kind === 'off') return [];
  const needs = (part: 'monitoring' | 'identity', expected: string, need: string): readonly Mistake[] =>
    environment[part].kind === expected
      ? []
      : [
          {
            path: `${part}.kind`,
            got: show(environment[part].kind),
            expected: `'${expected}', because grafana needs ${need}`,
            mend: "choose it, or write grafana: { kind: 'off' }",
          },
        ];
  return [
    ...needs('monitoring', 'on', 'what Prometheus keeps'),
    // Another issuer's pages are at addresses that nothing here knows.
    ...needs('identity', 'keycloak', "a sign-in whose pages' addresses are known"),
  ];
};
