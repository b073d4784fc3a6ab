import type { Composition } from '../../platform/compose.ts';

/** What every manifest has; a test adds the fields that it looks at. */
export interface NamedManifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

export const manifestsOf = <M extends NamedManifest>({ app }: Pick<Composition, 'app'>): readonly M[] =>
  app.charts.flatMap((chart) => chart.toJson() as M[]);

/** The one of this kind at `<namespace>/<name>`; throws where there is none. */
export const find = <M extends NamedManifest>(all: readonly M[], kind: string, path: string): M => {
  const found = all.find(
    (each) => each.kind === kind && `${each.metadata.namespace}/${each.metadata.name}` === path,
  );
  if (found === undefined) throw new Error(`no ${kind} ${path}`);
  return found;
};
