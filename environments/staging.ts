import type { EnvironmentInput } from '../platform/spec.ts';

/** A small cluster on somebody else's PostgreSQL and S3; Plinth makes the databases and the buckets itself. */
export default {
  domain: 'ml.staging.example.com',
  kubernetes: { version: '1.33', api: { cidr: '10.40.0.0/28', port: 443 } },
  imageRegistry: 'registry.example.com',
  postgres: {
    kind: 'external',
    host: 'postgres.staging.example.com',
    cidr: '10.40.8.0/28',
    administratorSecret: 'postgres-administrator',
  },
  objectStore: {
    kind: 'external',
    host: 's3.staging.example.com',
    region: 'eu-central-1',
    cidr: '10.40.9.0/28',
    administratorSecret: 'object-store-administrator',
  },
  gateway: { kind: 'existing', className: 'shared', namespace: 'ingress' },
  tls: { kind: 'certManager', clusterIssuer: 'staging' },
  identity: { kind: 'external', issuer: 'https://sso.staging.example.com/realms/ml', cidr: '10.40.10.0/28' },
  teams: [{ name: 'team-a' }, { name: 'team-b' }],
} satisfies EnvironmentInput;
