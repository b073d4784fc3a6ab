import type { Mistake } from './mistakes.ts';

/** What may be chosen of the components that others need, as messages list it. */
const choices = {
  postgres: "'inCluster' or 'external'",
  objectStore: "'inCluster' or 'external'",
  gateway: "'traefik' or 'existing'",
  airflow: "'on'",
  predictionLog: "'on'",
  identity: "'keycloak' or 'external'",
  mlflow: "'on'",
  monitoring: "'on'",
  serving: "'mlserver'",
} as const;
type Needed = keyof typeof choices;

/**
 * A mistake for each component that is off though another needs it. `needs` says who needs what of it, as in
 * `mlflow needs a database`; `without` is what to write in order to do without it.
 */
export const missing = <Part extends Needed>(
  environment: Readonly<Record<NoInfer<Part>, { readonly kind: string }>>,
  needs: Readonly<Record<Part, string>>,
  without: string,
): readonly Mistake[] =>
  (Object.keys(needs) as Part[])
    .filter((part) => environment[part].kind === 'off')
    .map((part) => ({
      path: `${part}.kind`,
      got: "'off'",
      expected: `${choices[part]}, because ${needs[part]}`,
      mend: `choose one, or write ${without}`,
    }));
