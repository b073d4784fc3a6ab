import { join } from 'node:path';
import { run } from '../../lab/support/exec.ts';
import { type Answer, ask } from './http.ts';
import { Session } from './session.ts';
import { credentials, endpoint, labFile } from './support.ts';

/** A server may be long in answering when it has just started. */
const seconds = 120;

const address = (): string => endpoint('hub').url;

/** Signs a person in at Keycloak through the hub's own pages; resolves to the hub's last page. */
export const visitHub = async (
  account: string,
): Promise<{ readonly session: Session; readonly page: Answer }> => {
  const session = new Session(seconds);
  const start = `${address()}/hub/oauth_login?next=%2Fhub%2Fhome`;
  return { session, page: await session.signIn(start, credentials(`id-${account}`)) };
};

/** A token of the hub's API, as people make one on the hub's page. */
export const hubToken = async (account: string): Promise<string> => {
  const { session, page } = await visitHub(account);
  if (page.status !== 200) throw new Error(`${account}: ${page.status} ${page.body.slice(0, 800)}`);
  const answer = await session.open(`${address()}/hub/api/users/${account}/tokens`, {
    headers: { 'x-xsrftoken': session.cookie(address(), '_xsrf') ?? '' },
    json: { note: 'lab test', expires_in: 3600 },
  });
  if (answer.status !== 201) throw new Error(`no token for ${account}: ${answer.status} ${answer.body}`);
  return (JSON.parse(answer.body) as { token: string }).token;
};

/** Asks below the hub's address with a token. */
export const asked = (token: string, method: string, path: string, json?: unknown): Promise<Answer> =>
  ask(`${address()}${path}`, { method, seconds, headers: { authorization: `token ${token}` }, json });

export interface ServerState {
  readonly ready: boolean;
  readonly pending: string | null;
}

/** The servers of a person by name, the first one's is empty. */
export const servers = async (
  token: string,
  account: string,
): Promise<Readonly<Record<string, ServerState>>> => {
  const answer = await asked(token, 'GET', `/hub/api/users/${account}`);
  if (answer.status !== 200) throw new Error(`${account}: ${answer.status} ${answer.body.slice(0, 500)}`);
  return (JSON.parse(answer.body) as { servers?: Readonly<Record<string, ServerState>> }).servers ?? {};
};

/** Runs Python in a new kernel of a server, over the kernel's websocket; resolves to what it printed. */
export const runInKernel = async (token: string, account: string, code: string): Promise<string> =>
  run(
    [process.execPath, join(import.meta.dirname, 'client/run_in_kernel.ts'), `${address()}/user/${account}`],
    {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: labFile('ca.crt'), TOKEN: token },
      input: code,
      timeoutMs: 5 * 60_000,
    },
  );
