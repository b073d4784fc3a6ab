import type { Environment } from './spec.ts';

/**
 * An environment on a machine that can't have some published images: what would run them is off, and everything else is
 * as it was. The lab alone says so, in the stack's configuration; elsewhere an image that can't be pulled is a failure.
 */
export const withoutImages = (environment: Environment, absent: readonly string[]): Environment =>
  absent.includes('grafana') ? { ...environment, grafana: { kind: 'off' } } : environment;
