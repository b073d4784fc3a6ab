import { offlineEnvironment } from '../../lab/pulumi/build.ts';

const toolchain = { path: '/tools' };

test('the tool chain comes first, and nothing is downloaded', () => {
  const environment = offlineEnvironment(toolchain, { PATH: '/usr/bin', HOME: '/home/me' });
  expect(environment).toMatchObject({
    HOME: '/home/me',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
  });
  expect(environment['PATH']).toMatch(/^\/tools:.*:\/usr\/bin$/);
});

test('the official provider, when asked for, is neither hidden by the stand-in nor kept from being downloaded', () => {
  const environment = offlineEnvironment(toolchain, { PLINTH_PROVIDER: 'official' });
  expect(environment['PULUMI_IGNORE_AMBIENT_PLUGINS']).toBe('true');
  expect(environment['PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION']).toBeUndefined();
});
