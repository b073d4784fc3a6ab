import type { Issuer } from '../../constructs/contracts/index.ts';
import { Grafana } from '../../constructs/grafana/index.ts';
import { seriesAudience } from '../../constructs/prometheus/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';

/** Looks through the sign-ins that stand before Prometheus; the environment was refused without them. */
export const composeGrafana = (context: ComposeContext, issuer: Issuer | undefined): void => {
  const { app, environment, gateway } = context;
  if (environment.grafana.kind === 'off' || issuer === undefined || gateway === undefined) return;
  const keycloak = `${issuer.url}/protocol/openid-connect`;
  new Grafana(app, {
    home: context.namespace('monitoring'),
    issuer,
    pages: { authorize: `${keycloak}/auth`, token: `${keycloak}/token`, userInfo: `${keycloak}/userinfo` },
    gateway,
    teams: environment.teams.map(({ name }) => name),
    series: {
      platform: `https://prometheus.${environment.domain}`,
      team: `https://metrics.${environment.domain}`,
      audience: seriesAudience,
    },
    generation: generation(environment, 'grafana/sign-in'),
  });
};
