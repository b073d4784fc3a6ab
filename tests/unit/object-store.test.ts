import { Size } from 'cdk8s';
import type { ObjectStore } from '../../constructs/contracts/index.ts';
import { Pods } from '../../constructs/kit/index.ts';
import { ExternalS3, SeaweedStore } from '../../constructs/object-store/index.ts';
import { Platform, shown } from '../support/platform.ts';

const declared = (platform: Platform) =>
  JSON.parse(shown(platform.request('object-store-identities').values['identities.json'])) as {
    readonly buckets: readonly string[];
    readonly users: readonly { readonly user: string; readonly keys: readonly object[] }[];
  };

const seaweed = (platform: Platform): SeaweedStore =>
  new SeaweedStore(platform.app, { home: platform.data, storage: Size.gibibytes(10) });

const pair = (owner: string, generation: number) => ({
  generation,
  accessKey: `<${owner}/accessKeyId/${generation}>`,
  secretKey: `<${owner}/secretAccessKey/${generation}>`,
});

describe('the store in the cluster', () => {
  test('declares each owner with its buckets and one key, whatever the order of grants', () => {
    const documents = [['mlflow', 'spark'] as const, ['spark', 'mlflow'] as const].map((names) => {
      const platform = new Platform();
      const store = seaweed(platform);
      for (const owner of names) {
        const consumer = platform.workload(owner);
        store.bucket(owner).grantReadWrite(consumer, { owner, generation: 1 });
        store.bucket('shared').grantRead(consumer, { owner, generation: 1 });
      }
      return declared(platform);
    });
    expect(documents[0]).toEqual({
      buckets: ['mlflow', 'shared', 'spark'],
      users: ['mlflow', 'spark'].map((user) => ({
        user,
        buckets: { [user]: 'readWrite', shared: 'read' },
        keys: [pair(user, 1)],
      })),
    });
    expect(documents[1]).toEqual(documents[0]);
  });

  test('a grant gives the key in the namespace of the consumer, and opens the path at both ends', () => {
    const platform = new Platform();
    const store = seaweed(platform);
    const consumer = platform.workload('mlflow');
    const access = store.bucket('artifacts').grantReadWrite(consumer, { owner: 'mlflow', generation: 1 });
    expect(access.mode).toBe('readWrite');
    const { namespace, values } = platform.request(access.secret.name);
    expect([access.secret.name, namespace]).toEqual(['mlflow-bucket-artifacts', 'ml']);
    expect(Object.entries(values).map(([key, value]) => [key, shown(value)])).toEqual([
      ['accessKeyId', '<mlflow/accessKeyId/1>'],
      ['secretAccessKey', '<mlflow/secretAccessKey/1>'],
      ['endpoint', 'http://object-store.data.svc.cluster.local:8333'],
      ['region', 'us-east-1'],
      ['bucket', 'artifacts'],
    ]);
    expect(consumer.connections.egress).toEqual([{ peer: store.endpoint.peer, ports: [8333] }]);
    expect(store.endpoint.serverConnections?.ingress).toContainEqual({ peer: consumer.peer, ports: [8333] });
  });

  test('a consumer starts after a Job that saw its key accepted, which comes after store and declaration', () => {
    const platform = new Platform();
    const consumer = platform.workload('mlflow');
    seaweed(platform).bucket('artifacts').grantReadWrite(consumer, { owner: 'mlflow', generation: 1 });
    const names = (construct: { readonly node: { readonly dependencies: readonly unknown[] } }) =>
      construct.node.dependencies.map(
        (each) => (each as { readonly node: { readonly path: string } }).node.path,
      );
    const { deployment } = platform.run(consumer);
    expect(names(deployment)).toContain('object-store/Key-mlflow-artifacts');
    const job = platform.app.node
      .findAll()
      .find(({ node }) => node.path === 'object-store/Key-mlflow-artifacts/Job');
    expect(job && names(job)).toEqual(
      expect.arrayContaining([
        'object-store/KeySecret-mlflow',
        'object-store/Server',
        'object-store/Identities',
      ]),
    );
  });

  test('listens on loopback but for S3 and metrics, and sends nobody its statistics', () => {
    const platform = new Platform();
    seaweed(platform);
    const [server] = platform.manifest('StatefulSet', 'object-store')?.spec.template.spec.containers ?? [];
    const addresses = (server?.command ?? []).filter((argument) => /^-[.\w]*ip[.\w]*=/i.test(argument));
    expect(addresses).toEqual([
      '-ip=127.0.0.1',
      '-ip.bind=127.0.0.1',
      '-s3.ip.bind=0.0.0.0',
      '-metricsIp=0.0.0.0',
    ]);
    expect(server?.command).toEqual(
      expect.arrayContaining([
        '-s3.port.iceberg=0',
        '-s3.port.lance=0',
        '-s3.iam=false',
        '-master.telemetry=false',
      ]),
    );
    expect(platform.manifest('Service', 'object-store')?.spec.ports.map(({ port }) => port)).toEqual([
      8333, 9327,
    ]);
  });

  test('a new bucket, owner or generation leaves the store and its pod as they are', () => {
    const template = (grants: number, generation: number): unknown => {
      const platform = new Platform();
      const store = seaweed(platform);
      for (const owner of ['a', 'b', 'c'].slice(0, grants))
        store.bucket(owner).grantReadWrite(platform.workload(owner), { owner, generation });
      if (generation > 1) store.withdrawOld(platform.withdrawals());
      return platform.manifest('StatefulSet', 'object-store')?.spec.template;
    };
    expect(template(3, 1)).toEqual(template(1, 1));
    expect(template(1, 4)).toEqual(template(1, 1));
  });

  test('the next generation is declared beside the last, rolls the consumer, and ends the last at the end', () => {
    const platform = new Platform();
    const store = seaweed(platform);
    const consumers = ['mlflow', 'spark'].map((owner, index) => {
      const consumer = platform.workload(owner);
      store.bucket(owner).grantReadWrite(consumer, { owner, generation: index === 0 ? 3 : 1 });
      return platform.run(consumer);
    });
    store.withdrawOld(platform.withdrawals());
    expect(declared(platform).users.map(({ keys }) => keys)).toEqual([
      [pair('mlflow', 3), pair('mlflow', 2)],
      [pair('spark', 1)],
    ]);
    expect(
      JSON.parse(platform.manifest('ConfigMap', 'object-store-withdrawn')?.data?.['withdrawn.json'] ?? ''),
    ).toEqual([{ user: 'mlflow', generation: 2 }]);
    expect(consumers).toHaveLength(2);
    expect(platform.manifest('Deployment', 'mlflow')?.spec.template.metadata.annotations).toEqual({
      'credentials.plinth.dev/mlflow-bucket-mlflow': '3',
    });
  });

  test('another generation waits with another Job; the same grant with the same one', () => {
    const job = (generation: number): string | undefined => {
      const platform = new Platform();
      const consumer = platform.workload('mlflow');
      seaweed(platform).bucket('artifacts').grantReadWrite(consumer, { owner: 'mlflow', generation });
      return platform.manifest('Job', 'object-store-key-mlflow-')?.metadata.name;
    };
    expect(job(1)).toBe(job(1));
    expect(job(2)).not.toBe(job(1));
  });

  test('nothing is withdrawn while every generation is the first', () => {
    const platform = new Platform();
    const store = seaweed(platform);
    store.bucket('a').grantReadWrite(platform.workload('a'), { owner: 'a', generation: 1 });
    store.withdrawOld(platform.withdrawals());
    expect(platform.manifest('ConfigMap', 'object-store-withdrawn')).toBeUndefined();
  });
});

describe.each([
  ['SeaweedStore', seaweed],
  [
    'ExternalS3',
    ({ app }: Platform) =>
      new ExternalS3(app, { url: 'https://s3.example', region: 'r', cidr: '10.0.0.0/8' }),
  ],
])('an owner has one key (%s)', (_, make: (platform: Platform) => ObjectStore) => {
  test('so its grants may not contradict each other', () => {
    const platform = new Platform();
    const bucket = make(platform).bucket('artifacts');
    bucket.grantReadWrite(platform.workload('server'), { owner: 'mlflow', generation: 1 });
    const other = platform.workload('other');
    expect(() => bucket.grantRead(other, { owner: 'mlflow', generation: 1 })).toThrow(
      /holds it as 'readWrite'/,
    );
    expect(() => bucket.grantReadWrite(other, { owner: 'mlflow', generation: 2 })).toThrow(
      /got generation 2/,
    );
  });

  test('and two workloads of one chart share its Secret', () => {
    const platform = new Platform();
    const bucket = make(platform).bucket('artifacts');
    const server = platform.workload('mlflow');
    const worker = new Pods(server.scope, 'Worker', { name: 'mlflow-worker', component: 'mlflow' });
    const grant = { owner: 'mlflow', generation: 1 };
    expect(bucket.grantReadWrite(worker, grant).secret).toBe(bucket.grantReadWrite(server, grant).secret);
  });
});
