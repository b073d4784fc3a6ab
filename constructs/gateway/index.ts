export { ExistingGateway, type ExistingGatewayProps } from './existing.ts';
export type { CertificateSource } from './listener.ts';
export { TraefikGateway, type TraefikGatewayProps } from './traefik.ts';
