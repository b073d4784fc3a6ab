import type { EnvironmentInput } from '../platform/spec.ts';
import local from './local.ts';
import production from './production.ts';
import staging from './staging.ts';

/** Every environment by its name, which is also its Pulumi stack's and its file's. */
export const environments: Readonly<Record<string, EnvironmentInput>> = { local, staging, production };
