import { ExternalS3 } from '../../constructs/object-store/index.ts';
import { Platform } from '../support/platform.ts';

describe('an external store', () => {
  const external = (platform: Platform, admin: boolean): ExternalS3 =>
    new ExternalS3(platform.app, {
      url: 'https://s3.eu-central-1.example.com',
      region: 'eu-central-1',
      cidr: '10.60.9.0/28',
      adminSecret: admin ? { home: platform.data, name: 's3-administrator' } : undefined,
    });

  test('is reached at its addresses on the port of its URL, with a key that exists already', () => {
    const platform = new Platform();
    const consumer = platform.workload('mlflow');
    const access = external(platform, false)
      .bucket('artifacts')
      .grantRead(consumer, { owner: 'mlflow', generation: 1 });
    expect(consumer.connections.egress).toEqual([
      { peer: { kind: 'addresses', cidr: '10.60.9.0/28' }, ports: [443] },
    ]);
    const { source, namespace, values } = platform.request(access.secret.name);
    expect([source, namespace]).toEqual(['preCreated', 'ml']);
    expect(Object.keys(values)).toEqual(['accessKeyId', 'secretAccessKey', 'endpoint', 'region', 'bucket']);
    expect(platform.manifests.filter(({ kind }) => kind === 'Job')).toEqual([]);
  });

  test('has its buckets made once each when an administrator is named', () => {
    const platform = new Platform();
    const store = external(platform, true);
    for (const owner of ['a', 'b'])
      store.bucket('shared').grantReadWrite(platform.workload(owner), { owner, generation: 1 });
    const jobs = platform.manifests.filter(({ kind }) => kind === 'Job');
    expect(jobs.map((job) => job.spec.template.spec.containers[0]?.command.slice(2))).toEqual([
      ['--endpoint=https://s3.eu-central-1.example.com', '--region=eu-central-1', '--bucket=shared'],
    ]);
  });
});
