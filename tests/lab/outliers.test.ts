import { environments } from '../../environments/index.ts';
import { holdsAlone } from '../alone.ts';
import { ask } from './http.ts';
import { askKernel, hubToken, runInKernel, start, stop } from './hub.ts';
import { registry } from './registry.ts';
import { queried } from './rollouts.ts';
import { teamToken } from './sign-in.ts';
import { endpoint, eventually, kubectl, kubectlJson } from './support.ts';

// Two models fetch their files and import MLflow: minutes on a machine that does other things too.
jest.setTimeout(25 * 60_000);

const person = { account: 'scientist-b', team: 'team-b' } as const;
const [model, detector] = ['lab-by-hand', 'lab-by-hand-outliers'] as const;
const { serving, spark, notebooks } = environments['local'] ?? {};
const byHand = serving?.kind === 'mlserver' && spark?.kind === 'on' && notebooks?.kind === 'on';

/** As somebody in a notebook does it; prints what was registered and, of both models at once, that they answer. */
const deploy = `
import json
from concurrent.futures import ThreadPoolExecutor
import mlflow, numpy, pandas, plinth
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression

mlflow.set_experiment("by-hand")
random = numpy.random.default_rng(7)
rows = pandas.DataFrame({"distance": random.normal(500, 100, 1000), "hour": random.normal(12, 3, 1000)})
models = {
    "${model}": (LinearRegression().fit(rows, 2 * rows["distance"]), None),
    "${detector}": (IsolationForest(n_estimators=50, random_state=1).fit(rows), ["sklearn.tree._tree.Tree"]),
}
versions = {}
for name, (fitted, trusted) in models.items():
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            fitted, name="model", input_example=rows.head(), skops_trusted_types=trusted, registered_model_name=name
        )
    versions[name] = str(logged.registered_model_version)
options = {"${model}": {"outliers": "${detector}"}, "${detector}": {"log": 0}}
with ThreadPoolExecutor() as pool:
    list(pool.map(lambda name: plinth.serve(name, versions[name], wait_seconds=600, **options[name]), versions))
print(json.dumps(versions))
`;

/** Rows about the middle of what both learnt from, and rows far from all of it; 100 of these and 60 of those. */
const ask100and60 = `
import json, plinth
near = {"distance": [450.0 + i for i in range(100)], "hour": [11.0 + i / 50 for i in range(100)]}
far = {"distance": [5000.0 + i for i in range(60)], "hour": [40.0] * 60}
answers = [plinth.predict("${model}", each) for each in (near, far)]
print(json.dumps({"versions": [each.version for each in answers], "first": [each.values[0] for each in answers]}))
`;

/** What Kubernetes says to who wants to run something else by the same right. */
const misuse = `
import json
from plinth._kubernetes import Kubernetes, KubernetesError
kubernetes = Kubernetes()
namespace = kubernetes.own_pod.namespace
labels = {"plinth.dev/model": "x", "plinth.dev/managed-by": "hand"}
pod = {"serviceAccountName": "models", "containers": [{"name": "x", "image": "docker.io/library/busybox:1"}]}
wanted = {
    "deployments": ("/apis/apps/v1", {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "lab-misuse", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}}),
    "services": ("/api/v1", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "lab-misuse", "labels": labels},
        "spec": {"type": "ExternalName", "externalName": "delays-v1.team-a.svc.cluster.local"}}),
}
said = {}
for plural, (group, manifest) in wanted.items():
    try:
        kubernetes.apply(f"{group}/namespaces/{namespace}/{plural}/lab-misuse", manifest, "lab")
        said[plural] = "allowed"
    except KubernetesError as error:
        said[plural] = str(error)
print(json.dumps(said))
`;

const rows = (what: 'checked_rows' | 'rows', version: string): Promise<number> =>
  queried(
    `sum(plinth_gateway_outlier_${what}_total{team="${person.team}",model="${model}",version="${version}"})`,
  );

const deployments = async (): Promise<readonly string[]> => {
  const selector = `plinth.dev/managed-by=hand,plinth.dev/model in (${model},${detector})`;
  const { items } = await kubectlJson<{ items: readonly { metadata: { name: string } }[] }>([
    ...['get', 'deployments', '-n', person.team, '-l', selector],
  ]);
  return items.map(({ metadata }) => metadata.name).sort();
};

holdsAlone('server of scientist-b', 'mlflow');

(byHand ? describe : describe.skip)('a model that somebody puts into service from a notebook', () => {
  let token: string;
  let versions: Readonly<Record<string, string>> = {};

  const run = <T>(code: string): Promise<T> => askKernel<T>(token, person.account, code);
  const version = (): string => versions[model] ?? '';

  beforeAll(async () => {
    token = await hubToken(person.account);
    await start(token, person);
    versions = await run(deploy);
  });
  afterAll(async () => {
    if (token === undefined) return;
    await runInKernel(
      token,
      person.account,
      `import plinth\nfor name in ${JSON.stringify([model, detector])}: plinth.undeploy(name)`,
    );
    await stop(token, person);
    for (const name of [model, detector])
      await registry(person.team, 'DELETE', 'registered-models/delete', { name }).catch(() => undefined);
  });

  test('answers V2 predict at the gateway, and its outlier model counts far rows and no ordinary ones', async () => {
    const before = await Promise.all([rows('checked_rows', version()), rows('rows', version())]);
    const answers = await run<{ versions: readonly string[]; first: readonly number[] }>(ask100and60);
    expect(answers.versions).toEqual([version(), version()]);
    expect(answers.first.map(Math.round)).toEqual([900, 10_000]);
    await eventually(
      'all rows are judged',
      () => rows('checked_rows', version()),
      (count) => count >= before[0] + 160,
    );
    expect((await rows('checked_rows', version())) - before[0]).toBe(160);
    expect((await rows('rows', version())) - before[1]).toBe(60);
  });

  test("is another team's 403", async () => {
    const { status } = await ask(`${endpoint('models').url}/v2/models/${model}/infer`, {
      json: { inputs: [] },
      headers: { authorization: `Bearer ${await teamToken('team-a')}` },
    });
    expect(status).toBe(403);
  });

  test('runs beside the promoter, under names that are not its own', async () => {
    expect(await deployments()).toEqual(
      [`${model}-h${version()}`, `${detector}-h${versions[detector]}`].sort(),
    );
    expect(
      await kubectl(['get', 'configmap', 'inference-routes', '-n', 'serving', '-o', 'yaml']),
    ).not.toContain(model);
  });

  test('takes a right that runs models and nothing else', async () => {
    const said = await run<Readonly<Record<string, string>>>(misuse);
    expect(said['deployments']).toMatch(/models run on .*model-server.* and nothing else/);
    expect(said['services']).toMatch(/no externalName/);
  });

  test('is away when it is taken away', async () => {
    await run(`import plinth\nplinth.undeploy("${model}")\nprint("{}")`);
    expect(await deployments()).toEqual([`${detector}-h${versions[detector]}`]);
    const { status } = await ask(`${endpoint('models').url}/v2/models/${model}/infer`, {
      json: { inputs: [] },
      headers: { authorization: `Bearer ${await teamToken(person.team)}` },
    });
    expect(status).toBe(404);
  });
});
