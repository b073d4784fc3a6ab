import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { preCreatedSecrets } from '../../platform/pre-created.ts';
import { parseEnvironment } from '../../platform/spec.ts';

const expectedOf = (name: string): readonly string[] =>
  preCreatedSecrets(compose(parseEnvironment(name, environments[name])).app).map(
    (secret) => `${secret.namespace}/${secret.name}: ${secret.keys.join(' ')}`,
  );

test('the lab needs no Secret that somebody else makes', () => {
  expect(expectedOf('local')).toEqual([]);
});

test("who runs the servers makes their administrators' Secrets, and those of clients at an issuer", () => {
  expect(expectedOf('staging')).toEqual(
    expect.arrayContaining([
      'data/object-store-administrator: accessKeyId secretAccessKey',
      'data/postgres-administrator: password username',
      expect.stringMatching(/^mlflow\/mlflow-oidc: /),
    ]),
  );
});
