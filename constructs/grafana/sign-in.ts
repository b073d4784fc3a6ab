import { administrators, type EnvSource, type OidcClient, value } from '../contracts/index.ts';

/** Addresses of the issuer's own pages. */
export interface SignInPages {
  readonly authorize: string;
  readonly token: string;
  readonly userInfo: string;
}

/** Who administers the platform administers Grafana; every other is a viewer, and who is in no group stays out. */
const role = `contains(groups[*], '${administrators}') && 'Admin' || 'Viewer'`;

/** Grafana's own sign-in with the issuer, and no other. */
export const signInEnv = (
  client: OidcClient,
  pages: SignInPages,
  teams: readonly string[],
): Record<string, EnvSource> => {
  const oauth = (name: string, content: string | EnvSource): readonly [string, EnvSource] => [
    `GF_AUTH_GENERIC_OAUTH_${name}`,
    typeof content === 'string' ? value(content) : content,
  ];
  return {
    GF_AUTH_DISABLE_LOGIN_FORM: value('true'),
    GF_AUTH_BASIC_ENABLED: value('false'),
    GF_AUTH_ANONYMOUS_ENABLED: value('false'),
    GF_AUTH_TOKEN_ROTATION_INTERVAL_MINUTES: value('2'),
    ...Object.fromEntries([
      oauth('ENABLED', 'true'),
      oauth('AUTO_LOGIN', 'true'),
      oauth('ALLOW_SIGN_UP', 'true'),
      oauth('NAME', 'Plinth'),
      oauth('CLIENT_ID', client.clientId),
      oauth('CLIENT_SECRET', client.secret.env('clientSecret')),
      oauth('SCOPES', 'openid email profile'),
      oauth('AUTH_URL', pages.authorize),
      oauth('TOKEN_URL', pages.token),
      oauth('API_URL', pages.userInfo),
      oauth('USE_PKCE', 'true'),
      // A token is renewed before it ends; when the issuer refuses, so does Grafana.
      oauth('USE_REFRESH_TOKEN', 'true'),
      oauth('LOGIN_ATTRIBUTE_PATH', 'preferred_username'),
      oauth('EMAIL_ATTRIBUTE_PATH', 'email || preferred_username'),
      oauth('GROUPS_ATTRIBUTE_PATH', 'groups'),
      oauth('ALLOWED_GROUPS', [administrators, ...teams].join(' ')),
      oauth('ROLE_ATTRIBUTE_PATH', role),
      oauth('ROLE_ATTRIBUTE_STRICT', 'true'),
      ...(client.authority === undefined ? [] : [oauth('TLS_CLIENT_CA', '/etc/plinth/issuer/ca.crt')]),
    ]),
  };
};
