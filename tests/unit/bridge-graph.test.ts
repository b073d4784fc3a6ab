import { ApiObject, App, Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { derived, SecretRequest } from '../../constructs/contracts/index.ts';
import { applyOrder, type Step } from '../../platform/bridge/graph.ts';

const config = (scope: Construct, id: string, namespace = 'data') =>
  new ApiObject(scope, id, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: id.toLowerCase(), namespace },
  });
const namespace = (scope: Construct, name: string) =>
  new ApiObject(scope, name, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const secret = (scope: Construct, source: 'plinth' | 'preCreated' = 'plinth') =>
  new SecretRequest(scope, 'Login', {
    namespace: 'data',
    name: 'login',
    source,
    values: { password: derived({ owner: 'a', role: 'b', key: 'c', generation: 1 }) },
  });

const find = (steps: readonly Step[], path: string): Step => {
  const step = steps.find((each) => each.path === path);
  if (step === undefined)
    throw new Error(`no step ${path} among ${steps.map((each) => each.path).join(', ')}`);
  return step;
};
/** Whether everything that a step needs, directly or not, includes another one. */
const comesAfter = (step: Step, other: Step): boolean =>
  [...step.needs].some((need) => need === other || comesAfter(need, other));
const paths = (steps: Iterable<Step>): readonly string[] => [...steps].map(({ path }) => path);

describe('the order in which a tree is applied', () => {
  test('puts a namespace before what is in it, and a definition before objects of its kind', () => {
    const app = new App();
    const chart = new Chart(app, 'chart');
    const custom = new ApiObject(chart, 'Custom', { apiVersion: 'example.com/v1', kind: 'Thing' });
    const inside = config(chart, 'Inside');
    secret(chart);
    const definition = new ApiObject(chart, 'Definition', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.com' },
      spec: { group: 'example.com', names: { kind: 'Thing' } },
    });
    namespace(chart, 'data');
    const steps = applyOrder(app);
    expect(paths(find(steps, inside.node.path).needs)).toEqual(['chart/data']);
    expect(paths(find(steps, 'chart/Login').needs)).toEqual(['chart/data']);
    expect(paths(find(steps, custom.node.path).needs)).toEqual([definition.node.path]);
    const order = paths(steps);
    expect(order.indexOf('chart/data')).toBeLessThan(order.indexOf('chart/Inside'));
    expect(order.indexOf('chart/Definition')).toBeLessThan(order.indexOf('chart/Custom'));
  });

  test('takes dependencies on objects, on secrets, on groups of objects and on whole charts', () => {
    const app = new App();
    const first = new Chart(app, 'first');
    const second = new Chart(app, 'second');
    const group = new Construct(first, 'Group');
    const inGroup = [config(group, 'A'), config(group, 'B')];
    const login = secret(first);
    const one = config(second, 'One');
    const two = config(second, 'Two');
    one.node.addDependency(group, login);
    const third = new Chart(app, 'third');
    const three = config(third, 'Three');
    third.node.addDependency(second);
    const steps = applyOrder(app);
    expect(paths(find(steps, one.node.path).needs)).toEqual([
      ...inGroup.map(({ node }) => node.path),
      login.node.path,
    ]);
    expect(paths(find(steps, three.node.path).needs)).toEqual([one.node.path, two.node.path]);
  });

  test('makes nothing of a Secret that is there before', () => {
    const app = new App();
    const chart = new Chart(app, 'chart');
    const login = secret(chart, 'preCreated');
    config(chart, 'One').node.addDependency(login);
    expect(paths(applyOrder(app))).toEqual(['chart/One']);
  });

  test('lets a construct depend on a part of itself', () => {
    const app = new App();
    const chart = new Chart(app, 'chart');
    const first = config(chart, 'First');
    const others = ['A', 'B'].map((id) => config(chart, id));
    chart.node.addDependency(first);
    const steps = applyOrder(app);
    for (const other of others) expect(paths(find(steps, other.node.path).needs)).toEqual([first.node.path]);
    expect(find(steps, first.node.path).needs.size).toBe(0);
  });

  test('refuses a cycle with its path', () => {
    const app = new App();
    const chart = new Chart(app, 'chart');
    const [a, b, c] = [config(chart, 'A'), config(chart, 'B'), config(chart, 'C')];
    a.node.addDependency(b);
    b.node.addDependency(c);
    c.node.addDependency(a);
    expect(() => applyOrder(app)).toThrow('chart/A -> chart/B -> chart/C -> chart/A');
  });

  test('refuses a cycle of charts too', () => {
    const app = new App();
    const charts = ['x', 'y'].map((id) => new Chart(app, id));
    for (const chart of charts) for (let n = 0; n < 6; n++) config(chart, `O${n}`);
    charts[0]?.node.addDependency(...charts.slice(1));
    charts[1]?.node.addDependency(...charts.slice(0, 1));
    expect(() => applyOrder(app)).toThrow('x/O0 -> after y -> y/O0 -> after x -> x/O0');
  });

  test('stays linear when every chart depends on all before it', () => {
    const app = new App();
    const charts: Chart[] = [];
    for (let n = 0; n < 16; n++) {
      const chart = new Chart(app, `chart${n}`);
      for (let m = 0; m < 40; m++) config(chart, `O${m}`, `n${n}`);
      if (charts.length > 0) chart.node.addDependency(...charts);
      charts.push(chart);
    }
    const steps = applyOrder(app);
    const edges = steps.reduce((sum, { needs }) => sum + needs.size, 0);
    // Each object is counted into one barrier and waits for at most four; 120 pairs of charts join the barriers.
    expect(edges).toBeLessThan(640 * 5 + 120);
    expect(comesAfter(find(steps, 'chart15/O0'), find(steps, 'chart0/O39'))).toBe(true);
  });
});
