import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/exec.ts';

/** Files with this machine's own ways to packages, handed to a build as secrets: none of them reaches a layer. */
export interface MachineSecrets {
  /** A sources.list for bookworm in the one-line format, which mmdebstrap and apt read. */
  readonly sources: string;
  /** apt's transport settings for a command on this machine. */
  readonly aptOptions: string;
  readonly secrets: Readonly<Record<'pip' | 'npm' | 'maven' | 'apt' | 'sources' | 'authority', string>>;
}

const authorityInBuild = '/run/secrets/authority.crt';
const suite = 'bookworm';

/** Writes them into a folder that only we can read. */
export const machineSecrets = async (folder: string): Promise<MachineSecrets> => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const authority = authorityFile();
  const sources = file('sources.list', aptSources());
  const apt = await run(['apt-config', 'dump']);
  return {
    sources,
    aptOptions: file('apt-here.conf', aptConfiguration(apt, authority)),
    secrets: {
      pip: file('pip.conf', pipConfiguration(await pipSettings(), authority !== undefined)),
      npm: file('npmrc', npmConfiguration(await npmSettings(), userFile('.npmrc'), authority !== undefined)),
      maven: file('settings.xml', userFile('.m2/settings.xml')),
      apt: file('apt.conf', aptConfiguration(apt, authority === undefined ? undefined : authorityInBuild)),
      sources,
      authority: file('authority.crt', authority === undefined ? '' : readFileSync(authority, 'utf8')),
    },
  };
};

/** The certificate authorities that this machine trusts; a company's proxy or mirror may be signed by its own. */
const authorityFile = (): string | undefined =>
  [process.env['PIP_CERT'], process.env['SSL_CERT_FILE'], '/etc/ssl/certs/ca-certificates.crt'].find(
    (path): path is string => path !== undefined && existsSync(path),
  );

/** `pip config list` prints `scope.name='value'`; variables override files. A machine without pip has only variables. */
const pipSettings = async (): Promise<ReadonlyMap<string, string>> => {
  const settings = new Map<string, string>();
  const list = await run(['sh', '-c', 'python3 -m pip config list 2>/dev/null || true']);
  for (const line of list.split('\n')) {
    const found = /^(?:global|install|:env:)\.([a-z.-]+)='(.*)'$/.exec(line);
    if (found?.[1] !== undefined && found[2] !== undefined)
      settings.set(found[1].replace(/^\./, ''), found[2]);
  }
  for (const [name, value] of Object.entries(process.env))
    if (name.startsWith('PIP_') && value !== undefined)
      settings.set(name.slice(4).toLowerCase().replaceAll('_', '-'), value);
  return settings;
};

const pipConfiguration = (settings: ReadonlyMap<string, string>, authority: boolean): string => {
  // Only what says where packages come from and how patient to be: a user's other habits would change the image.
  const passed = [
    'index-url',
    'extra-index-url',
    'trusted-host',
    'proxy',
    'timeout',
    'default-timeout',
    'retries',
  ];
  const lines = passed.flatMap((name) => {
    const value = settings.get(name);
    return value === undefined ? [] : [`${name} = ${value.replaceAll(/\\n|\s+/g, ' ').trim()}`];
  });
  if (authority) lines.push(`cert = ${authorityInBuild}`);
  return `[global]\ndisable-pip-version-check = true\n${lines.join('\n')}\n`;
};

const userFile = (path: string): string => {
  const file = join(homedir(), path);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

/** npm's settings, whichever file or variable they come from; empty on a machine without npm. */
const npmSettings = async (): Promise<Readonly<Record<string, unknown>>> => {
  const listed = await run(['sh', '-c', 'npm config list --json 2>/dev/null || echo {}']);
  return JSON.parse(listed) as Readonly<Record<string, unknown>>;
};

/** The user's own file carries what npm doesn't list: the way to sign in to a registry. */
export const npmConfiguration = (
  settings: Readonly<Record<string, unknown>>,
  userFile: string,
  authority: boolean,
): string => {
  const own = userFile.split('\n').filter((line) => /^\s*(\/\/|@[^:=]+:registry\s*=)/.test(line));
  const passed = ['registry', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl'].flatMap((name) => {
    const value = settings[name];
    const known = typeof value === 'string' || typeof value === 'boolean';
    return known && value !== '' ? [`${name}=${value}`] : [];
  });
  const trust = authority ? [`cafile=${authorityInBuild}`] : [];
  return `${[...own, ...passed, ...trust].join('\n')}\n`;
};

/** apt's own proxy and transport settings; the sandbox user could not read the secrets. */
export const aptConfiguration = (dump: string, authority: string | undefined): string => {
  const transport = dump
    .split('\n')
    .filter((line) => /^Acquire::(https?|Retries|Check-Valid-Until|Check-Date)\b/i.test(line))
    .filter((line) => !/^Acquire::https::(CaInfo|CaPath)\b/i.test(line));
  const own = ['APT::Sandbox::User "root";', 'Acquire::Languages "none";'];
  if (authority !== undefined) own.push(`Acquire::https::CaInfo "${authority}";`);
  return `${[...transport, ...own].join('\n')}\n`;
};

/** This machine's Debian mirrors, for bookworm whatever Debian it runs. Keys are the base's own. */
const aptSources = (): string => {
  const texts = ['/etc/apt/sources.list', ...listed('/etc/apt/sources.list.d')]
    .filter((path) => existsSync(path))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
  const lines = texts.flatMap(({ path, text }) =>
    path.endsWith('.sources') ? fromDeb822(text) : fromOneLine(text),
  );
  const sources = bookwormSources(lines);
  if (sources.length === 0)
    throw new Error(
      'no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d: the images are built from Debian packages, ' +
        'so add a line such as `deb MIRROR/debian bookworm main`',
    );
  return `${sources.join('\n')}\n`;
};

const listed = (folder: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /\.(list|sources)$/.test(name))
        .toSorted()
        .map((name) => join(folder, name))
    : [];

interface Source {
  readonly uri: string;
  readonly suite: string;
}

export const fromOneLine = (text: string): readonly Source[] =>
  text.split('\n').flatMap((line) => {
    const found = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line);
    return found?.[1] === undefined || found[2] === undefined ? [] : [{ uri: found[1], suite: found[2] }];
  });

export const fromDeb822 = (text: string): readonly Source[] =>
  text.split(/\n\s*\n/).flatMap((stanza) => {
    const lines = stanza.split('\n').filter((line) => !line.startsWith('#'));
    const field = (name: string): readonly string[] =>
      lines
        .find((line) => line.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim()
        .split(/\s+/) ?? [];
    if (!field('types').includes('deb') || field('enabled')[0]?.toLowerCase() === 'no') return [];
    return field('uris').flatMap((uri) => field('suites').map((name) => ({ uri, suite: name })));
  });

/** Of Debian's own archives only: another vendor's repository has other suites. */
export const bookwormSources = (sources: readonly Source[]): readonly string[] => {
  const debian = /^(bullseye|bookworm|trixie|forky|sid|stable|oldstable|testing)(-updates|-security)?$/;
  const lines = sources.flatMap(({ uri, suite: name }) => {
    const found = debian.exec(name);
    return found === null ? [] : [`deb ${uri} ${suite}${found[2] ?? ''} main`];
  });
  return [...new Set(lines)];
};
