import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ImageName, image, reference } from '../../constructs/catalogue/index.ts';
import { RunError, run } from '../support/exec.ts';
import { ensureImages } from './build.ts';
import { buildPrograms } from './programs.ts';

export interface SharedRegistry {
  /** Such as registry.plinth.localhost. */
  readonly host: string;
  /** PEM of the authority that signed its certificate. */
  readonly authority: string;
  /** Content of Secret `registry-shared`: who may push what teams build on. */
  readonly login: string;
}

/**
 * Puts an image that teams build on into the platform's own registry, unless it is there; a gigabyte takes a while.
 * Resolves to its digest there.
 */
export const provideShared = async (
  name: ImageName,
  { host, authority, login }: SharedRegistry,
  log?: string,
): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-registry-'));
  try {
    mkdirSync(join(folder, 'docker'), { mode: 0o700 });
    writeFileSync(join(folder, 'docker', 'config.json'), login, { mode: 0o600 });
    writeFileSync(join(folder, 'ca.crt'), authority);
    const crane = join(await buildPrograms('registry', log), 'crane');
    const env = {
      ...process.env,
      DOCKER_CONFIG: join(folder, 'docker'),
      SSL_CERT_FILE: join(folder, 'ca.crt'),
    };
    const target = reference(image(name), host);
    const digest = (): Promise<string> => run([crane, 'digest', target], { env });
    const known = await digest().catch((error: unknown) => {
      if (
        error instanceof RunError &&
        /(MANIFEST|NAME)_UNKNOWN|unexpected status code 404/.test(error.message)
      )
        return undefined;
      throw error;
    });
    if (known !== undefined) return known.trim();
    const [built] = await ensureImages({ only: [name], ...(log === undefined ? {} : { log }) });
    if (built === undefined) throw new Error(`ensureImages gave nothing for ${name}`);
    await run([crane, 'push', built.archive, target], {
      env,
      timeoutMs: 30 * 60_000,
      ...(log === undefined ? {} : { log }),
    });
    return (await digest()).trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
