import type { Duration } from 'cdk8s';
import type { Consumer } from './consumer.ts';
import type { SecretRef } from './secret.ts';

/** A service of the platform's own that does something about alerts, by Alertmanager's webhook. */
export interface AlertHandler {
  readonly name: string;
  /** Names of the alerts that it hears of. */
  readonly alerts: readonly string[];
  /** Alerts that agree in these labels are told together, and others never with them. */
  readonly groupBy: readonly string[];
  /** How often it hears of an alert that goes on. */
  readonly repeat: Duration;
  /** Opens the path, and hands over the token that whoever tells it must have. */
  grantTell(teller: Consumer): { readonly url: string; readonly token: SecretRef<'token'> };
}
