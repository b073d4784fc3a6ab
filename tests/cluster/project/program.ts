import * as pulumi from '@pulumi/pulumi';
import { ApiObject, type App, type Chart, JsonPatch } from 'cdk8s';
import { applyStack } from '../../../platform/apply.ts';

const claimIn = (app: App, name: string): ApiObject => {
  const found = app.node
    .findAll()
    .find(
      (each) => ApiObject.isApiObject(each) && each.kind === 'PersistentVolumeClaim' && each.name === name,
    );
  if (!(found instanceof ApiObject)) throw new Error(`the tree has no claim ${name}`);
  return found;
};

const chartOf = (app: App, id: string): Chart => {
  const found = app.charts.find(({ node }) => node.id === id);
  if (found === undefined) throw new Error(`the tree has no chart ${id}`);
  return found;
};

/** What somebody might do to the constructs by mistake. */
const changes: Readonly<Record<string, (app: App) => void>> = {
  none: () => {},
  /** The claim of PostgreSQL gets another name. */
  renamedClaim: (app) => {
    claimIn(app, 'postgres').addJsonPatch(JsonPatch.replace('/metadata/name', 'postgres-data'));
  },
  /** The claim of PostgreSQL gets another storage class, which makes it another volume. */
  otherStorageClass: (app) => {
    claimIn(app, 'postgres').addJsonPatch(JsonPatch.add('/spec/storageClassName', 'other'));
  },
  /** A Job that nothing runs, under a name that no later tree has. */
  lostJob: (app) => {
    const container = { name: 'main', image: 'localhost/none:1' };
    new ApiObject(chartOf(app, 'namespace-data'), 'Lost', {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'lost-1', namespace: 'data' },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } },
    });
  },
  /** An object that the API server refuses. */
  refused: (app) => {
    new ApiObject(chartOf(app, 'namespace-data'), 'Refused', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'refused', namespace: 'data' },
      spec: { ports: [{ port: 70_000 }] },
    });
  },
  /** Two objects need each other. */
  cycle: (app) => {
    const [first, second] = app.node.findAll().filter(ApiObject.isApiObject);
    if (first === undefined || second === undefined) throw new Error('the tree is empty');
    first.addDependency(second);
    second.addDependency(first);
  },
};

export default () => {
  const change = new pulumi.Config('plinth').get('change') ?? 'none';
  return applyStack(changes[change]);
};
