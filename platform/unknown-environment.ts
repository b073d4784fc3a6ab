/** What to say to who names environments that there are none of. */
export const unknownEnvironment = (names: readonly string[], known: readonly string[]): string =>
  `no environment ${names.join(', ')}; there are ${known.join(', ')}, ` +
  'and a new file needs its line in environments/index.ts';
