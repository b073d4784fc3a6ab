import { client, credentials, endpoint, secretValue } from './support.ts';

jest.setTimeout(10 * 60_000);

/** MLflow's key, which is limited to MLflow's bucket. */
const access = async (...args: readonly string[]): Promise<unknown> => {
  const env = {
    S3_URL: endpoint('s3').url,
    AWS_ACCESS_KEY_ID: await secretValue('mlflow', 'mlflow-bucket-mlflow', 'accessKeyId'),
    AWS_SECRET_ACCESS_KEY: await secretValue('mlflow', 'mlflow-bucket-mlflow', 'secretAccessKey'),
  };
  return (JSON.parse(await client('s3_access.py', args, env)) as { answer: unknown }).answer;
};

describe("one consumer's key", () => {
  test('writes to its own bucket', async () => {
    expect(await access('put', 'mlflow', 'probe.txt')).toBe('written');
  });

  test("is refused on another's bucket", async () => {
    expect(await access('put', 'team-a', 'probe.txt')).toBe('AccessDenied');
    expect(await access('list', 'team-a')).toBe('AccessDenied');
  });

  test('opens nothing of MLflow to a team, whose own bucket it may use', async () => {
    const { username, password } = credentials('s3-team-a');
    const env = { S3_URL: endpoint('s3').url, AWS_ACCESS_KEY_ID: username, AWS_SECRET_ACCESS_KEY: password };
    const answer = async (...args: readonly string[]): Promise<unknown> =>
      (JSON.parse(await client('s3_access.py', args, env)) as { answer: unknown }).answer;
    expect(await answer('put', 'team-a', 'hello.txt')).toBe('written');
    expect(await answer('list', 'mlflow')).toBe('AccessDenied');
    expect(await answer('put', 'team-b', 'hello.txt')).toBe('AccessDenied');
  });

  test("of scientist-b's team reads, lists and writes nothing of team-a's bucket", async () => {
    const { username, password } = credentials('s3-team-b');
    const env = { S3_URL: endpoint('s3').url, AWS_ACCESS_KEY_ID: username, AWS_SECRET_ACCESS_KEY: password };
    const answer = async (...args: readonly string[]): Promise<unknown> =>
      (JSON.parse(await client('s3_access.py', args, env)) as { answer: unknown }).answer;
    expect(await answer('put', 'team-b', 'own.txt')).toBe('written');
    expect(await answer('get', 'team-a', 'hello.txt')).toBe('AccessDenied');
    expect(await answer('list', 'team-a')).toBe('AccessDenied');
    expect(await answer('put', 'team-a', 'hello.txt')).toBe('AccessDenied');
  });

  test('makes no bucket', async () => {
    expect(await access('create', 'grabbed')).toBe('AccessDenied');
  });
});
