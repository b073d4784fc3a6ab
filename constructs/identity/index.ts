export { ExternalIssuer, type ExternalIssuerProps } from './external.ts';
export { type Account, KeycloakIssuer, type KeycloakIssuerProps } from './keycloak.ts';
