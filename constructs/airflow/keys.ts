import { derived, joined, SecretRequest, type SecretValue } from '../contracts/index.ts';
import type { ComponentChart } from '../kit/index.ts';

export type KeyName = 'fernet' | 'jwt' | 'session';

const key = (name: KeyName, generation: number): SecretValue =>
  derived({ owner: 'airflow', role: 'keys', key: name, generation });

/** Fernet wants base64 with its padding: 32 bytes end in one `=`. */
const fernetKey = (generation: number): SecretValue => joined(key('fernet', generation), '=');

/**
 * Airflow's own keys. The newest Fernet key encrypts; those before it stay, because what they encrypted is in the
 * database. The others have no past: tokens and sessions of an earlier generation end.
 */
export const airflowKeys = (chart: ComponentChart, generation: number): SecretRequest<KeyName> => {
  const newestFirst = Array.from({ length: generation }, (_, index) => fernetKey(generation - index));
  return new SecretRequest(chart, 'Keys', {
    namespace: chart.home.name,
    name: 'airflow-keys',
    generation,
    values: {
      fernet: joined(...newestFirst.flatMap((each, index) => (index === 0 ? [each] : [',', each]))),
      jwt: key('jwt', generation),
      session: key('session', generation),
    },
  });
};
