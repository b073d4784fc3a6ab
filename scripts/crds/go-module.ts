import { run } from '../../lab/support/exec.ts';
import { goTool } from '../../lab/support/go.ts';

/** A release of a Go module, by the hash of its content. */
export interface GoModule {
  readonly module: string;
  readonly version: string;
  /** As a line of go.sum has it: `h1:` and the base64 of a SHA-256. */
  readonly sum: string;
}

/**
 * The folder of a module's files in Go's module cache, downloaded if they aren't there. Rejects when the content
 * isn't what `sum` says. No go.mod holds these pins, because Plinth needs two releases of one module (Kubernetes'
 * OpenAPI) and no module graph at all.
 */
export const goModuleFolder = async ({ module, version, sum }: GoModule): Promise<string> => {
  const output = await run([goTool(), 'mod', 'download', '-json', `${module}@${version}`], {
    cwd: '/',
    // The committed sum is what counts; a checksum database that can't be reached mustn't stop us.
    env: { ...process.env, GOFLAGS: '', GOWORK: 'off', GONOSUMDB: '*' },
  });
  const found = JSON.parse(output) as { readonly Dir: string; readonly Sum: string };
  if (found.Sum !== sum) throw new Error(`${module}@${version}: got content ${found.Sum}, expected ${sum}`);
  return found.Dir;
};
