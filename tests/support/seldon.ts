import { environments } from '../../environments/index.ts';
import type { EnvironmentInput } from '../../platform/spec.ts';

/** The lab's environment with a model of team-a served by Seldon Core, whose images the lab can't have. */
export const seldonEnvironment: EnvironmentInput = {
  ...(environments['local'] as EnvironmentInput),
  identity: { kind: 'external', issuer: 'https://sso.example.com/realms/ml', cidr: '10.9.0.0/28' },
  // Grafana's sign-in needs the platform's own issuer.
  grafana: { kind: 'off' },
  promoter: { kind: 'off' },
  serving: {
    kind: 'seldon',
    models: [
      {
        name: 'delays',
        team: 'team-a',
        predictors: [
          {
            name: 'v3',
            source: { kind: 'bucket', path: 'models/delays/3' },
            weight: 90,
            scaling: { kind: 'fixed', replicas: 2 },
          },
          {
            name: 'v4',
            source: { kind: 'bucket', path: 'models/delays/4' },
            transformer: { kind: 'bucket', path: 'models/features/2' },
            weight: 10,
            scaling: { kind: 'auto', minimum: 2, maximum: 5 },
          },
        ],
      },
    ],
  },
};
