import { planGenerations } from '../../platform/bridge/generations.ts';
import { generationsInUse, parseEnvironment } from '../../platform/spec.ts';

const file = 'environments/test.ts';
const previous = { 'mlflow/database': 2, 'identity/administrator': 1 };
const refused = (current: Readonly<Record<string, number>>) =>
  planGenerations({ current, previous, file }).refusals;

test('a generation stays or goes up by one', () => {
  const current = { 'mlflow/database': 3, 'identity/administrator': 1 };
  expect(planGenerations({ current, previous, file })).toEqual({ records: current, refusals: [] });
  expect(refused(previous)).toEqual([]);
});

test('one that skips or goes back is refused, each with the knob, the file and what would be right', () => {
  const message = (knob: string, got: number, expected: string) =>
    `generations.${knob}: got ${got}, expected ${expected}, because what checks it knows no other than the present one ` +
    'and the next; write one of them in environments/test.ts';
  expect(refused({ 'mlflow/database': 1, 'identity/administrator': 3 })).toEqual([
    message('mlflow/database', 1, '2 or 3'),
    message('identity/administrator', 3, '1 or 2'),
  ]);
});

test('without a record any is right, and recorded', () => {
  const current = { 'mlflow/database': 5 };
  expect(planGenerations({ current, previous: {}, file })).toEqual({ records: current, refusals: [] });
});

test('what was switched off goes on from where it was', () => {
  const off = planGenerations({ current: { 'identity/administrator': 1 }, previous, file });
  expect(off).toEqual({ records: previous, refusals: [] });
  const back = planGenerations({ current: { 'mlflow/database': 1 }, previous: off.records, file });
  expect(back.refusals).toEqual([expect.stringContaining('got 1, expected 2 or 3')]);
});

test('an environment tells those of what it uses, of its teams and of its accounts', () => {
  const input = {
    domain: 'ml.example.com',
    kubernetes: { api: { cidr: '10.0.0.1/32' } },
    identity: { kind: 'keycloak', accounts: [{ name: 'ada', groups: ['red'] }] },
    teams: [{ name: 'red' }],
    generations: { 'red/bucket': 3, 'mlflow/session': 2 },
  };
  const used = generationsInUse(parseEnvironment('test', input));
  expect(used).toMatchObject({
    ...{ 'red/bucket': 3, 'red/token': 1, 'ada/password': 1, 'mlflow/session': 2, 'mlflow/database': 1 },
  });
  expect(used).not.toHaveProperty('airflow/database');
});
