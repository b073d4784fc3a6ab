import * as pulumi from '@pulumi/pulumi';
import { ApiObject, type App, JsonPatch } from 'cdk8s';
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
