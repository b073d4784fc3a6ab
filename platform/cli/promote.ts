import { readFileSync } from 'node:fs';
import { MlflowInstance } from '../promotion/instance.ts';
import { promote } from '../promotion/promote.ts';

export interface PromoteOptions {
  readonly model: string;
  readonly version: string;
  /** Addresses of the two MLflows. */
  readonly from: string;
  readonly to: string;
  readonly fromTokenFile?: string;
  readonly toTokenFile?: string;
  readonly fromWorkspace?: string;
  readonly toWorkspace?: string;
  readonly alias?: string;
  readonly dryRun: boolean;
}

const instance = (
  option: '--from' | '--to',
  url: string,
  workspace: string | undefined,
  tokenFile: string | undefined,
  variable: string,
): MlflowInstance => {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new Error(`${option} is ${url}, expected an address such as https://mlflow.example.com`);
  const token = tokenFile === undefined ? process.env[variable] : readToken(option, tokenFile);
  return new MlflowInstance({
    url,
    ...(workspace !== undefined && { workspace }),
    ...(token !== undefined && token !== '' && { token }),
  });
};

const readToken = (option: string, file: string): string => {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Error(`${option}-token-file ${file} can't be read: ${(error as Error).message}`);
  }
};

/** Promotes and tells each step. Throws what refuses it. */
export const promoteBetween = async (options: PromoteOptions): Promise<void> => {
  const { model, version, from, to, fromTokenFile, toTokenFile, fromWorkspace, toWorkspace } = options;
  await promote({
    ...{ model, version, dryRun: options.dryRun, say: (line) => console.log(line) },
    from: instance('--from', from, fromWorkspace, fromTokenFile, 'PLINTH_FROM_TOKEN'),
    to: instance('--to', to, toWorkspace, toTokenFile, 'PLINTH_TO_TOKEN'),
    ...(options.alias !== undefined && { alias: options.alias }),
  });
};
