import { failuresOf } from '../../lab/pulumi/failures.ts';
import { RunError } from '../../lab/support/exec.ts';

const said = `Updating (local):

 +  pulumi:pulumi:Stack plinth-local **creating failed (40s)** 2 errors; 1 warning
Diagnostics:
  pulumi:pulumi:Stack (plinth-local):
    warning: using pulumi-resource-kubernetes from $PATH at /tools
    error: Error: resource data/refused [kubernetes:core/v1:Service] failed to register
        at /somewhere/resource.ts:795:40
        at processTicksAndRejections (node:internal/process/task_queues:104:5)

  kubernetes:core/v1:Service (data/refused):
    error: cannot apply Service "refused" in namespace "data": port 70000

  kubernetes:apps/v1:Deployment (mlflow/mlflow):
    error: Deployment "mlflow" in namespace "mlflow" is not ready after 10 minutes:
      pod mlflow-1: ImagePullBackOff
    warning: tried twice

Resources:
    + 113 created
    3 errored

Duration: 45s
`;

test('a failed update names each resource that failed and why, and nothing else', () => {
  const error = new RunError(['pulumi', 'up'], 255, said, '/logs/up.log');
  expect(failuresOf(error)).toBe(`the update failed:
  Service data/refused: cannot apply Service "refused" in namespace "data": port 70000
  Deployment mlflow/mlflow: Deployment "mlflow" in namespace "mlflow" is not ready after 10 minutes:
    pod mlflow-1: ImagePullBackOff
whole output: /logs/up.log`);
});

test('what the program refuses is told whole', () => {
  const refused = `Diagnostics:
  pulumi:pulumi:Stack (plinth-local):
    error: refused, nothing was applied:
      data/postgres: this update would delete the volume

Resources:
    1 errored
`;
  expect(failuresOf(new RunError(['pulumi', 'up'], 255, refused))).toBe(
    'the update failed:\n  refused, nothing was applied:\n    data/postgres: this update would delete the volume',
  );
});

test('an update that ended before it said anything of resources is told by its last lines', () => {
  const error = new RunError(['pulumi', 'up'], 255, 'error: no such backend\n');
  expect(failuresOf(error)).toContain('error: no such backend');
});
