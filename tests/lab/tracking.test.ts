import { client, endpoint, eventually, kubectl, secretValue } from './support.ts';

jest.setTimeout(10 * 60_000);

interface Logged {
  readonly run: string;
  readonly artifacts: string;
}

/** As the server's administrator, from its own pod: the password stays there. */
const sql = (query: string): Promise<string> => {
  const login = 'PGPASSWORD=$(cat /run/administrator/password)';
  const psql = `${login} exec psql -h 127.0.0.1 -U postgres -Atq mlflow`;
  return kubectl(['exec', '-i', '-n', 'data', 'postgres-0', '--', 'sh', '-c', psql], query);
};

describe("a run logged by MLflow's own client", () => {
  let logged: Logged;
  beforeAll(async () => {
    logged = JSON.parse(await client('log_run.py', ['tracking', 'seen by the lab'])) as Logged;
  });

  test('is read back by the client, artifact included', async () => {
    expect(JSON.parse(await client('read_run.py', [logged.run]))).toEqual({
      params: { depth: '7' },
      metrics: { accuracy: 0.875 },
      note: 'seen by the lab',
    });
  });

  test('has its metadata in PostgreSQL', async () => {
    const found = await sql(`SELECT key, value FROM params WHERE run_uuid = '${logged.run}'`);
    expect(found.trim()).toBe('depth|7');
  });

  test('has its artifact in the object store', async () => {
    expect(logged.artifacts).toMatch(/^mlflow-artifacts:/);
    const env = {
      S3_URL: endpoint('s3').url,
      AWS_ACCESS_KEY_ID: await secretValue('mlflow', 'mlflow-bucket-mlflow', 'accessKeyId'),
      AWS_SECRET_ACCESS_KEY: await secretValue('mlflow', 'mlflow-bucket-mlflow', 'secretAccessKey'),
    };
    const { answer } = JSON.parse(await client('s3_access.py', ['list', 'mlflow'], env)) as {
      answer: readonly string[];
    };
    const key = answer.find((each) => each.includes(logged.run) && each.endsWith('note.txt'));
    expect(key).toBeDefined();
    expect(JSON.parse(await client('s3_access.py', ['get', 'mlflow', key ?? ''], env))).toEqual({
      answer: 'seen by the lab',
    });
  });
});

test('every address answers, its certificate signed by the authority in .lab/ca.crt', async () => {
  for (const name of ['mlflow', 's3']) {
    const status = await eventually(
      `${name} answers`,
      async () => JSON.parse(await client('open.py', [endpoint(name).health])) as { status: number },
      ({ status: code }) => code === 200,
    );
    expect(status).toEqual({ status: 200 });
  }
});
