import {
  aptConfiguration,
  bookwormSources,
  fromDeb822,
  fromOneLine,
  npmConfiguration,
} from '../../lab/images/machine.ts';

test("the machine's mirrors are used for bookworm, whatever Debian it runs and whichever format it writes", () => {
  const trixie = [
    'Types: deb',
    '# URIs: http://snapshot.example/debian',
    'URIs: http://mirror.example/debian',
    'Suites: trixie trixie-updates',
    'Components: main',
    '',
    'Types: deb deb-src',
    'URIs: http://mirror.example/debian-security',
    'Suites: trixie-security',
    '',
    'Types: deb',
    'URIs: http://off.example/debian',
    'Suites: trixie',
    'Enabled: no',
  ].join('\n');
  expect(bookwormSources(fromDeb822(trixie))).toEqual([
    'deb http://mirror.example/debian bookworm main',
    'deb http://mirror.example/debian bookworm-updates main',
    'deb http://mirror.example/debian-security bookworm-security main',
  ]);
  const lines = [
    'deb [signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian bookworm main contrib',
    'deb-src http://mirror.example/debian bookworm main',
    '# deb http://old.example/debian bullseye main',
    'deb http://vendor.example/apt nodistro main',
  ].join('\n');
  expect(bookwormSources(fromOneLine(lines))).toEqual(['deb http://mirror.example/debian bookworm main']);
});

test('apt in a build gets the proxy of the machine, and the authority where the build sees it', () => {
  const dump = [
    'APT::Architecture "amd64";',
    'Acquire::http::Proxy "http://proxy.example:3128";',
    'Acquire::https::CaInfo "/etc/company.crt";',
    'Dir::Etc "etc/apt";',
  ].join('\n');
  const written = aptConfiguration(dump, '/run/secrets/authority.crt');
  expect(written).toContain('Acquire::http::Proxy "http://proxy.example:3128";');
  expect(written).toContain('Acquire::https::CaInfo "/run/secrets/authority.crt";');
  expect(written).not.toContain('company.crt');
  expect(written).not.toContain('Dir::Etc');
});

test('npm in a build gets the registry, the proxy and the way to sign in, nothing else of a user', () => {
  const user = [
    '//npm.example/:_authToken=abc',
    'init-author-name=Somebody',
    '@own:registry=https://npm.example',
  ];
  const settings = {
    registry: 'https://npm.example',
    'https-proxy': null,
    'strict-ssl': true,
    cache: '/root/.npm',
  };
  expect(npmConfiguration(settings, user.join('\n'), true).trimEnd().split('\n')).toEqual([
    '//npm.example/:_authToken=abc',
    '@own:registry=https://npm.example',
    'registry=https://npm.example',
    'strict-ssl=true',
    'cafile=/run/secrets/authority.crt',
  ]);
});
