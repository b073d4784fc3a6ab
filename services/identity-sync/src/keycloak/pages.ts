const pageSize = 100;

/** Everything that Keycloak lists page by page. */
export const allPages = async <Item>(
  page: (range: { readonly first: number; readonly max: number }) => Promise<readonly Item[]>,
): Promise<readonly Item[]> => {
  const found: Item[] = [];
  for (;;) {
    const items = await page({ first: found.length, max: pageSize });
    found.push(...items);
    if (items.length < pageSize) return found;
  }
};

/** What Keycloak lists always has an id; its types don't say so. */
export const idOf = (thing: { readonly id?: string | undefined }): string => {
  if (thing.id === undefined) throw new Error('Keycloak listed something without an id');
  return thing.id;
};
