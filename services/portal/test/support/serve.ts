import { waiting, workloadObject } from './cluster.ts';
import { World } from './world.ts';

/** The portal with fakes around it, to look at: node test/support/serve.ts [account]. */
const [account = 'scientist-a', mood = 'well'] = process.argv.slice(2);
const groups = account === 'platform-admin' ? ['platform-admins'] : [account.replace('scientist', 'team')];
const world = await World.start();
world.issuer.current = { name: account, groups };
if (mood === 'ill') {
  world.ill.set('mlflow/mlflow', workloadObject('mlflow', 'mlflow', { readyReplicas: 0 }));
  world.platformPods.set('mlflow', [
    {
      ...{ name: 'mlflow-6c9f-x', uid: 'x', owner: { kind: 'ReplicaSet', name: 'mlflow-6c9f', uid: 'rs' } },
      status: waiting('CrashLoopBackOff', {
        lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
      }),
    },
  ]);
  world.conditions.set('mlflow', 'down');
  world.conditions.set('airflow', 'slow');
}
if (mood === 'idle') world.idle = true;
console.log(world.url);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void world.stop());
