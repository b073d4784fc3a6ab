import { hostDifferences } from '../lab/host.ts';

test('what a stopped lab left on a host, or took from it, is told', () => {
  const before = {
    mounts: ['/ ext4', '/run/netns tmpfs'],
    sysctls: ['kernel/panic = 0', 'vm/swappiness = 60'],
  };
  const after = {
    mounts: ['/ ext4', '/run/netns tmpfs', '/run/netns tmpfs'],
    sysctls: ['kernel/panic = 10', 'vm/swappiness = 60', 'net/netfilter/nf_conntrack_max = 9'],
  };
  expect(hostDifferences(before, before)).toEqual([]);
  expect(hostDifferences(before, after)).toEqual([
    'mounts: + /run/netns tmpfs',
    'sysctls: - kernel/panic = 0',
    'sysctls: + kernel/panic = 10',
  ]);
});
