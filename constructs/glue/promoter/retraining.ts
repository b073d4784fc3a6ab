import { Duration } from 'cdk8s';
import {
  type AlertHandler,
  type Consumer,
  connect,
  derived,
  type Endpoint,
  type EnvSource,
  SecretRequest,
  value,
} from '../../contracts/index.ts';

export interface RetrainingProps {
  readonly airflow: Endpoint<'http'>;
  /** A model is retrained for an alert at most once in this time. */
  readonly period: Duration;
  /** Generation of the token with which alerts are told. */
  readonly generation: number;
}

const owner = 'promoter';
const longestRepeat = Duration.hours(1);

/** The same value for who tells and for who is told, each in a Secret of its own namespace. */
const tokenOf = (consumer: Consumer, name: string, generation: number): SecretRequest<'token'> => {
  const request = new SecretRequest(consumer.scope, name, {
    ...{ namespace: consumer.namespace, name, generation },
    values: { token: derived({ owner, role: 'alerts', key: 'token', generation }) },
  });
  consumer.startAfter(request);
  consumer.rollWith(name, generation);
  return request;
};

export interface Retraining {
  readonly env: Readonly<Record<string, EnvSource>>;
  readonly handler: AlertHandler;
}

/** What the promoter needs to start DAGs when models drift, and what Alertmanager needs to tell it. */
export const retraining = (
  pods: Consumer,
  endpoint: Endpoint<'http'>,
  { airflow, period, generation }: RetrainingProps,
): Retraining => {
  connect(pods, airflow);
  const token = tokenOf(pods, 'promoter-alerts', generation);
  return {
    env: {
      AIRFLOW_URL: value(`http://${airflow.host}:${airflow.port}`),
      ALERT_TOKEN: token.ref.env('token'),
      RETRAIN_PERIOD_SECONDS: value(String(period.toSeconds())),
    },
    handler: {
      name: 'retraining',
      alerts: ['PredictionDrift', 'PredictionQuality'],
      groupBy: ['team', 'model'],
      // What had to wait is decided about again soon after its time has come.
      repeat: period.toSeconds() < longestRepeat.toSeconds() ? period : longestRepeat,
      grantTell: (teller) => {
        connect(teller, endpoint);
        return {
          url: `http://${endpoint.host}:${endpoint.port}/webhooks/alerts`,
          token: tokenOf(teller, `${teller.name}-retraining`, generation).ref,
        };
      },
    },
  };
};
