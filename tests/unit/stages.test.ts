import { rounds, stages } from '../stages.ts';

test('make test runs every stage once, and the lab without company', () => {
  expect(rounds.flat(2).toSorted()).toEqual(Object.keys(stages).toSorted());
  expect(rounds.filter((lanes) => lanes.flat().includes('lab'))).toEqual([[['lab']]]);
});
