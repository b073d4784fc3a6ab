import type { EnvironmentInput } from '../platform/spec.ts';

/** Several zones; databases, logins, buckets and keys are made by those who run the servers. */
export default {
  domain: 'ml.example.com',
  kubernetes: { version: '1.34', api: { cidr: '10.60.0.0/28', port: 443 } },
  imageRegistry: 'registry.example.com',
  postgres: { kind: 'external', host: 'postgres.example.com', cidr: '10.60.8.0/28' },
  objectStore: {
    kind: 'external',
    host: 's3.example.com',
    region: 'eu-central-1',
    cidr: '10.60.9.0/28',
  },
  gateway: { kind: 'existing', className: 'shared', namespace: 'ingress' },
  tls: { kind: 'secret', name: 'wildcard-ml-example-com' },
  identity: { kind: 'external', issuer: 'https://sso.example.com/realms/ml', cidr: '10.60.10.0/28' },
  mlflow: { kind: 'on', replicas: 3 },
  serving: { kind: 'seldon', replicas: 3 },
  teams: [{ name: 'team-a', limits: { cpu: 64, memoryGiB: 256, storageGiB: 2000, pods: 200 } }],
} satisfies EnvironmentInput;
