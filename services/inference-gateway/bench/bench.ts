import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Latency, load } from './load.ts';

// What the gateway adds to a stub predictor at 200 requests a second with every prediction logged. Each process is
// its own, as in a cluster; the two sides take turns on the same machine, so that its noise hits both. Ends with 1 if
// a request failed, also with the sink gone, if the gateway adds more than it may, or if predictions weren't logged:
// then it measured something else.

type Figure = 'p50' | 'p99' | 'ratio' | 'cpu';

const rounds = 5;
const perSecond = 200;
/** What it may add, in milliseconds. */
const limits = { p50: 1.5, p99: 5 };
const warmUpSeconds = 2;
const seconds = Number(process.argv[2] ?? 10);
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
const children: ChildProcess[] = [];

const start = (file: string, env: Record<string, string> = {}): AsyncIterable<string> => {
  const child = spawn(process.execPath, [file], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return createInterface({ input: child.stdout });
};

const first = async (lines: AsyncIterable<string>, wanted: (line: string) => number | undefined) => {
  for await (const line of lines) {
    const found = wanted(line);
    if (found !== undefined) return found;
  }
  throw new Error('a process ended before it listened');
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const show = ({ p50, p99 }: Latency): string => `p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)}`;

const { publicKey, privateKey } = await generateKeyPair('RS256');
const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256' };
const issuer = createServer((request, response) => {
  const url = `http://${request.headers.host}`;
  const keys = request.url === '/certs';
  response.end(JSON.stringify(keys ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/certs` }));
}).listen(0, '127.0.0.1');
await once(issuer, 'listening');
try {
  const issuerUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
  const stub = `http://127.0.0.1:${await first(start('bench/stub.ts'), Number)}`;
  const sink = `http://127.0.0.1:${await first(start('bench/stub.ts'), Number)}`;
  const sinkProcess = children.at(-1) as ChildProcess;
  const predictors = [{ name: 'stub', version: '1', url: stub, weight: 100 }];
  const models = { stub: { team: 'bench', stable: 'stub', predictors, log: { sample: 1 } } };
  writeFileSync(join(folder, 'routes.json'), JSON.stringify({ models }));
  const listening = start('src/main.ts', {
    HOST: '127.0.0.1',
    PORT: '0',
    ADMIN_PORT: '0',
    ROUTES_FOLDER: folder,
    OIDC_ISSUER: issuerUrl,
    OIDC_AUDIENCE: 'inference',
    LOG_SINK_URL: sink,
  });
  let admin = 0;
  const port = await first(listening, (line) => {
    const event = JSON.parse(line);
    admin = event.admin;
    return event.data;
  });
  const token = await new SignJWT({ groups: ['bench'] })
    .setProtectedHeader({ alg: 'RS256', kid: 'bench' })
    .setSubject('bench')
    .setIssuer(issuerUrl)
    .setAudience('inference')
    .setExpirationTime('1h')
    .sign(privateKey);
  const body = JSON.stringify({
    inputs: [
      { name: 'x', shape: [1, 20], datatype: 'FP64', data: Array.from({ length: 20 }, (_, i) => i / 7) },
    ],
  });
  const side = (origin: string, duration = seconds) =>
    load({
      origin,
      path: '/v2/models/stub/infer',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body,
      perSecond,
      seconds: duration,
    });
  const gateway = `http://127.0.0.1:${port}`;
  /** The sum of what the gateway's metrics say under a name, with these labels. */
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
    const samples = text.split('\n').filter((line) => line.startsWith(`${name} `));
    return samples.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
  };
  const cpuSeconds = (): Promise<number> => metric('process_cpu_seconds_total');
  const logged = (): Promise<number> => metric('plinth_gateway_log_records_total');
  const lost = (): Promise<number> => metric('plinth_gateway_log_dropped_total{reason="sink"}');
  const fail = (why: string): void => {
    console.log(why);
    process.exitCode = 1;
  };
  /** Batches are under way for a while. */
  const reaches = async (count: () => Promise<number>, wanted: number): Promise<boolean> => {
    const deadline = performance.now() + 60_000;
    while ((await count()) < wanted) {
      if (performance.now() > deadline) return false;
      await pause(200);
    }
    return true;
  };
  await side(stub, warmUpSeconds);
  await side(gateway, warmUpSeconds);
  console.log(`${perSecond} requests/s, open loop, ${rounds} rounds of ${seconds} s a side, milliseconds`);
  const added: Record<Figure, number>[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const alone = await side(stub);
    const before = await cpuSeconds();
    const through = await side(gateway);
    const cpu = ((await cpuSeconds()) - before) / (perSecond * seconds);
    const failed = alone.failed + through.failed;
    added.push({
      p50: through.p50 - alone.p50,
      p99: through.p99 - alone.p99,
      ratio: through.p50 / alone.p50,
      cpu: cpu * 1000,
    });
    console.log(`round ${round}: stub ${show(alone)} | gateway ${show(through)} | failed ${failed}`);
    if (failed > 0) fail('no request may fail');
  }
  const of = (key: Figure): number => median(added.map((one) => one[key]));
  const [p50, p99] = [of('p50'), of('p99')];
  console.log(
    `median: gateway adds ${p50.toFixed(2)} ms at p50 and ${p99.toFixed(2)} ms at p99, ${of('ratio').toFixed(2)} x at p50`,
  );
  console.log(`CPU of the gateway: ${of('cpu').toFixed(2)} ms a request`);
  // What isn't a number is no success either.
  if (!(p50 < limits.p50 && p99 < limits.p99))
    fail(`it may add less than ${limits.p50} ms at p50 and ${limits.p99} ms at p99`);
  const predictions = perSecond * (warmUpSeconds + rounds * seconds);
  if (!(await reaches(logged, predictions)))
    fail(`of ${predictions} predictions ${await logged()} were logged`);
  sinkProcess.kill('SIGKILL');
  await once(sinkProcess, 'exit');
  const without = await side(gateway);
  console.log(`with the sink stopped: gateway ${show(without)} | failed ${without.failed}`);
  if (without.failed > 0) fail('no request may fail for want of a log');
  if (!(await reaches(lost, 1))) fail('the sink is stopped, and the gateway dropped no record');
} finally {
  for (const child of children) child.kill();
  issuer.close();
  issuer.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}
