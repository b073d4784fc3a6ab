import type { App } from 'cdk8s';
import { SecretRequest } from '../constructs/contracts/index.ts';

/** A Secret that pods need and somebody makes before them, by hand or by an operator of theirs. */
export interface PreCreatedSecret {
  readonly namespace: string;
  readonly name: string;
  readonly keys: readonly string[];
}

/** All of a tree, by namespace and name. */
export const preCreatedSecrets = (app: App): readonly PreCreatedSecret[] =>
  app.node
    .findAll()
    .filter(SecretRequest.isSecretRequest)
    .filter(({ request }) => request.source === 'preCreated')
    .map(({ request: { namespace, name, values } }) => ({
      namespace,
      name,
      keys: Object.keys(values).sort(),
    }))
    .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
