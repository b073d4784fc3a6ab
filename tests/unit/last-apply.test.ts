import { lastApplyObject, recorded } from '../../lab/pulumi/last-apply.ts';

test('an update is told as series of its stack, and with them the one target that has them', () => {
  const object = lastApplyObject({
    stack: 'staging',
    ended: new Date('2026-11-28T12:00:00Z'),
    seconds: 61.25,
    succeeded: false,
  });
  expect(object.metadata).toMatchObject({ name: 'last-apply', namespace: 'monitoring' });
  expect(JSON.parse(object.data['targets.json'])).toEqual([{ targets: ['localhost:9090'] }]);
  const series = object.data['metrics.txt']
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(series).toEqual([
    'plinth_apply_end_timestamp_seconds{stack="staging"} 1795867200',
    'plinth_apply_duration_seconds{stack="staging"} 61.3',
    'plinth_apply_succeeded{stack="staging"} 0',
  ]);
});

describe('what came of an update', () => {
  const left: string[] = [];
  const notes: string[] = [];
  const recorder = {
    stack: 'local',
    apply: async ({ data }: ReturnType<typeof lastApplyObject>) => {
      left.push(/plinth_apply_succeeded\S+ (\d)/.exec(data['metrics.txt'])?.[1] ?? 'none');
    },
    note: (text: string) => notes.push(text),
  };
  beforeEach(() => {
    left.length = 0;
    notes.length = 0;
  });

  test('is left behind, and its result handed on', async () => {
    expect(await recorded(recorder, async () => 'done')).toBe('done');
    expect([left, notes]).toEqual([['1'], []]);
  });

  test('is left behind where it failed, and the failure handed on', async () => {
    const update = async (): Promise<never> => {
      throw new Error('in part');
    };
    await expect(recorded(recorder, update)).rejects.toThrow('in part');
    expect([left, notes]).toEqual([['0'], []]);
  });

  test('is only noted where it can not be left', async () => {
    const refused = {
      ...recorder,
      apply: async () => {
        throw new Error('no such namespace\nmore');
      },
    };
    expect(await recorded(refused, async () => 'done')).toBe('done');
    expect(notes).toEqual(['Prometheus is not told of this update: no such namespace']);
  });
});
