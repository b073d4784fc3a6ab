import { join } from 'node:path';
import { run } from '../../lab/support/exec.ts';
import { type Answer, ask } from './http.ts';
import { Session } from './session.ts';
import { credentials, endpoint, eventually, kubectlJson, labFile, type PodList } from './support.ts';

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

/** A token of the hub's API, as people make one on the hub's page: with all that the person may, or with these scopes. */
export const hubToken = async (account: string, scopes?: readonly string[]): Promise<string> => {
  const { session, page } = await visitHub(account);
  if (page.status !== 200) throw new Error(`${account}: ${page.status} ${page.body.slice(0, 800)}`);
  const answer = await session.open(`${address()}/hub/api/users/${account}/tokens`, {
    headers: { 'x-xsrftoken': session.cookie(address(), '_xsrf') ?? '' },
    json: { note: 'lab test', expires_in: 3600, ...(scopes === undefined ? {} : { scopes }) },
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

/** Whose server it is, and the team in whose namespace it runs. */
export interface Person {
  readonly account: string;
  readonly team: string;
}

/** Names of the pods of a person's servers. */
export const podsOf = async ({ account, team }: Person): Promise<readonly string[]> => {
  const selector = `app.kubernetes.io/name=notebook,hub.jupyter.org/username=${account}`;
  const { items } = await kubectlJson<PodList>(['get', 'pods', '-n', team, '-l', selector]);
  return items.map(({ metadata }) => metadata.name);
};

const pathOf = ({ account }: Person, name: string): string =>
  `/hub/api/users/${account}/${name === '' ? 'server' : `servers/${name}`}`;

export const stop = async (token: string, person: Person): Promise<void> => {
  await eventually(
    `the servers of ${person.account} are stopped`,
    async () => {
      const left = Object.keys(await servers(token, person.account));
      // Refused while it starts.
      for (const name of left) await asked(token, 'DELETE', pathOf(person, name));
      return [...left, ...(await podsOf(person))];
    },
    (left) => left.length === 0,
    300,
  );
};

/** What a server is to be beside small, in the words of the hub's form. */
export type Choices = Readonly<Record<string, string>>;

/** Starts a small server. Those that are there, of a run that was killed, are stopped first. */
export const start = async (token: string, person: Person, choices: Choices = {}): Promise<void> => {
  await stop(token, person);
  await startMore(token, person, '', choices);
};

/** Asks for a small server; resolves to the hub's answer. */
export const askFor = (token: string, person: Person, name: string, choices: Choices): Promise<Answer> =>
  asked(token, 'POST', pathOf(person, name), { profile: person.team, size: 'small', ...choices });

/** Starts a small server beside those that are there. */
export const startMore = async (
  token: string,
  person: Person,
  name: string,
  choices: Choices = {},
): Promise<void> => {
  const { account } = person;
  const answer = await askFor(token, person, name, choices);
  if (answer.status !== 201 && answer.status !== 202)
    throw new Error(`no server for ${account}: ${answer.status} ${answer.body.slice(0, 800)}`);
  await eventually(
    `the server ${name} of ${account} is ready`,
    () => servers(token, account),
    (all) => all[name]?.ready === true,
    420,
  );
};

/** What becomes of the kernel when its code has run; `leave` doesn't wait for that. */
export type Afterwards = 'end' | 'keep' | 'leave';

/** Runs Python in a new kernel of a server, over the kernel's websocket; resolves to what it printed. */
export const runInKernel = async (
  token: string,
  account: string,
  code: string,
  afterwards: Afterwards = 'end',
): Promise<string> => {
  const script = join(import.meta.dirname, 'client/run_in_kernel.ts');
  return run([process.execPath, script, `${address()}/user/${account}`, afterwards], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: labFile('ca.crt'), TOKEN: token },
    input: code,
    timeoutMs: 12 * 60_000,
  });
};

/** Runs it as `runInKernel` does; resolves to the JSON that it printed last. */
export const askKernel = async <T>(...args: Parameters<typeof runInKernel>): Promise<T> =>
  JSON.parse((await runInKernel(...args)).trim().split('\n').at(-1) ?? '') as T;
