// Runs the Python on stdin in a new kernel of a Jupyter server and prints what it prints. A process of its own, because
// whom Node.js trusts is settled when it starts (NODE_EXTRA_CA_CERTS). The kernel is ended, kept with what it holds, or
// left alone as soon as it computes.
// usage: run_in_kernel.ts SERVER end|keep|leave
import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';

const [server = '', afterwards] = process.argv.slice(2);
const authorization = `token ${process.env['TOKEN']}`;
const code = await text(process.stdin);

const api = async (method: string, path: string): Promise<unknown> => {
  const answer = await fetch(`${server}${path}`, { method, headers: { authorization } });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
};

interface Message {
  readonly header: { readonly msg_type: string };
  readonly parent_header: { readonly msg_id?: string };
  readonly content: {
    readonly name?: string;
    readonly text?: string;
    readonly traceback?: readonly string[];
    readonly status?: string;
    readonly execution_state?: string;
  };
}

const run = (kernel: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const session = randomUUID();
    const id = randomUUID();
    const address = `${server.replace(/^http/, 'ws')}/api/kernels/${kernel}/channels?session_id=${session}`;
    const options = { headers: { authorization } };
    const socket = new WebSocket(address, options as unknown as string[]);
    socket.addEventListener('error', (event) =>
      reject(new Error(`websocket: ${Reflect.get(event, 'message')}`)),
    );
    socket.addEventListener('close', ({ code: how }) =>
      reject(new Error(`the websocket was closed: ${how}`)),
    );
    socket.addEventListener('open', () =>
      socket.send(
        JSON.stringify({
          channel: 'shell',
          header: {
            msg_id: id,
            msg_type: 'execute_request',
            session,
            username: '',
            version: '5.3',
            date: new Date(),
          },
          parent_header: {},
          metadata: {},
          content: { code, silent: false, store_history: false, allow_stdin: false, stop_on_error: true },
          buffers: [],
        }),
      ),
    );
    // What the code prints goes another way than the reply, and may come after it: "idle" comes after both.
    let reply: Message['content'] | undefined;
    let idle = false;
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.parent_header.msg_id !== id) return;
      if (message.header.msg_type === 'stream')
        (message.content.name === 'stderr' ? process.stderr : process.stdout).write(
          message.content.text ?? '',
        );
      if (message.header.msg_type === 'execute_reply') reply = message.content;
      const state = message.header.msg_type === 'status' ? message.content.execution_state : undefined;
      if (state === 'busy' && afterwards === 'leave') resolve();
      if (state === 'idle') idle = true;
      if (reply === undefined || !idle) return;
      if (reply.status === 'ok') resolve();
      else reject(new Error((reply.traceback ?? ['the code failed']).join('\n')));
    });
  });

const { id } = (await api('POST', '/api/kernels')) as { readonly id: string };
try {
  await run(id);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  if (afterwards === 'end') await api('DELETE', `/api/kernels/${id}`).catch(() => undefined);
}
process.exit();
