import { environments } from '../environments/index.ts';

/** What to say to who names environments that there are none of. */
export const unknownEnvironment = (names: readonly string[]): string =>
  `no environment ${names.join(', ')}; there are ${Object.keys(environments).join(', ')}, ` +
  'and a new file needs its line in environments/index.ts';
