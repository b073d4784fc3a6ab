import {
  type Consumer,
  connect,
  type Endpoint,
  type EndpointKind,
  type EnvSource,
  type ModelClient,
  type TeamSpace,
  value,
} from '../../constructs/contracts/index.ts';

/** Where clients in the cluster open something: at the gateway's address, or at its Service where there is none. */
export interface ClientAddress {
  readonly url: string;
  readonly endpoint: Endpoint<EndpointKind>;
}

export interface ModelAddresses {
  /** The inference gateway's. */
  readonly models: ClientAddress | undefined;
  /** The prediction log's, which takes labels and baselines. */
  readonly predictions: ClientAddress | undefined;
}

/** Opens both for a team and says where they are, by the names that sdk/python reads. */
export const modelClient = (
  { models, predictions }: ModelAddresses,
  team: TeamSpace & Consumer,
): ModelClient => {
  const env: Record<string, EnvSource> = {};
  for (const [name, address] of [
    ['PLINTH_MODELS_URL', models],
    ['PLINTH_PREDICTIONS_URL', predictions],
  ] as const) {
    if (address === undefined) continue;
    connect(team, address.endpoint);
    env[name] = value(address.url);
  }
  return { env };
};
