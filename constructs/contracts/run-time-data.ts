/**
 * On a namespace: names of data that programs make in it at run time, with commas between. No tree has such data, so
 * it is by this that an update and the end of a stack know what would go with the namespace.
 */
export const runTimeDataAnnotation = 'plinth.dev/run-time-data';

interface Annotated {
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export const runTimeData = (metadata: Annotated | undefined): readonly string[] =>
  (metadata?.annotations?.[runTimeDataAnnotation] ?? '').split(',').filter((name) => name !== '');
