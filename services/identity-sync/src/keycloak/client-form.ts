import type { ClientState } from '../state.ts';
import { mark } from './owned.ts';

/** A protocol mapper: what a token of the client says besides what Keycloak puts there. */
export interface Mapper {
  readonly name: string;
  readonly protocol: string;
  readonly protocolMapper: string;
  readonly config: Readonly<Record<string, string>>;
}

const everywhere = {
  'access.token.claim': 'true',
  'id.token.claim': 'true',
  'userinfo.token.claim': 'true',
  'introspection.token.claim': 'true',
};

const mapper = (name: string, protocolMapper: string, config: Record<string, string>): Mapper => ({
  name,
  protocol: 'openid-connect',
  protocolMapper,
  config,
});

/** Groups by their bare names in `groups`, roles of the client in `roles`, and each audience in `aud`. */
export const mappersOf = (state: ClientState): readonly Mapper[] => [
  mapper('groups', 'oidc-group-membership-mapper', {
    'claim.name': 'groups',
    'full.path': 'false',
    ...everywhere,
  }),
  ...(state.roles.length === 0
    ? []
    : [
        mapper('roles', 'oidc-usermodel-client-role-mapper', {
          'usermodel.clientRoleMapping.clientId': state.id,
          'claim.name': 'roles',
          'jsonType.label': 'String',
          multivalued: 'true',
          ...everywhere,
        }),
      ]),
  ...state.audiences.map((audience) =>
    mapper(`audience ${audience}`, 'oidc-audience-mapper', {
      'included.custom.audience': audience,
      'access.token.claim': 'true',
      'id.token.claim': 'false',
      'introspection.token.claim': 'true',
    }),
  ),
];

/** A client in Keycloak's terms, but for its mappers. What isn't named here stays as Keycloak has it. */
export const formOf = (state: ClientState) => {
  const { id, kind, redirectUris, secret } = state;
  return {
    clientId: id,
    protocol: 'openid-connect',
    enabled: true,
    publicClient: kind === 'device',
    standardFlowEnabled: kind !== 'machine',
    serviceAccountsEnabled: kind === 'machine',
    implicitFlowEnabled: false,
    directAccessGrantsEnabled: false,
    // Its tokens hold what its own mappers say, not every role that a person has anywhere.
    fullScopeAllowed: false,
    redirectUris: [...redirectUris],
    ...(secret === undefined ? {} : { clientAuthenticatorType: 'client-secret', secret }),
    attributes: {
      [mark]: 'true',
      'oauth2.device.authorization.grant.enabled': String(kind === 'device'),
      'post.logout.redirect.uris': '+',
      ...(kind === 'device' ? { 'pkce.code.challenge.method': 'S256' } : {}),
    },
  };
};
