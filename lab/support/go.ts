import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Unmet } from './unmet.ts';

const oldest = [1, 25] as const;

const versionOf = (tool: string): readonly [number, number] | undefined => {
  try {
    // GOTOOLCHAIN=local: the question is what this tool is, not what it could fetch.
    const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '' };
    const text = execFileSync(tool, ['env', 'GOVERSION'], { env, encoding: 'utf8', cwd: '/' });
    const found = /^go(\d+)\.(\d+)/.exec(text.trim());
    return found === null ? undefined : [Number(found[1]), Number(found[2])];
  } catch {
    return undefined;
  }
};

let known: string | undefined;

/** The path of a go that is new enough, from PATH or /usr/local/go/bin; throws with what was found instead. */
export const goTool = (): string => {
  if (known !== undefined) return known;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin'];
  const candidates = [...new Set(folders.map((folder) => join(folder, 'go')))].filter((path) =>
    existsSync(path),
  );
  for (const tool of candidates) {
    const version = versionOf(tool);
    if (version === undefined) continue;
    if (version[0] > oldest[0] || (version[0] === oldest[0] && version[1] >= oldest[1])) {
      known = tool;
      return tool;
    }
  }
  const seen = candidates.map((tool) => `${tool} (${versionOf(tool)?.join('.') ?? 'does not run'})`);
  throw new Unmet(
    `go ${oldest.join('.')} or newer is needed, got ${seen.length === 0 ? 'none' : seen.join(', ')}; ` +
      'install it into /usr/local/go or put it on PATH',
  );
};

/** The environment of a build whose result doesn't depend on the user's own Go settings. */
export const goEnvironment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  CGO_ENABLED: '0',
  GOFLAGS: '-mod=readonly -trimpath -buildvcs=false',
  GOWORK: 'off',
  ...more,
});
