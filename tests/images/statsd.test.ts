import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { buildPrograms } from '../../lab/images/programs.ts';

// The program is built first where no image was.
jest.setTimeout(30 * 60_000);

const mapping = join(import.meta.dirname, '../../constructs/airflow/files/statsd.yaml');
const ports = { udp: 29_125, http: 29_102 };
const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${ports.http}/metrics`)).text();

const until = async (pleases: (text: string) => boolean): Promise<string> => {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const text = await metrics().catch(() => '');
    if (pleases(text)) return text;
    if (performance.now() > deadline) throw new Error(`not within a minute; last: ${text.slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

describe("Airflow's names", () => {
  let exporter: ChildProcess;
  beforeAll(async () => {
    const program = join(await buildPrograms('statsd-exporter'), 'statsd_exporter');
    exporter = spawn(
      program,
      [
        `--statsd.mapping-config=${mapping}`,
        `--statsd.listen-udp=127.0.0.1:${ports.udp}`,
        '--statsd.listen-tcp=',
        `--web.listen-address=127.0.0.1:${ports.http}`,
      ],
      { stdio: 'ignore' },
    );
    await until((text) => text !== '');
  });
  afterAll(async () => {
    if (exporter === undefined) return;
    const ended = once(exporter, 'exit');
    exporter.kill();
    await ended;
  });

  test('become metrics with a team, and what nobody named is dropped', async () => {
    const socket = createSocket('udp4');
    const lines = [
      'airflow.scheduler_heartbeat:1|c',
      'airflow.dagrun.duration.failed.team-a__hello:4200|ms',
      'airflow.dagrun.duration.failed:4200|ms',
      'airflow.pool.open_slots.team-b:3|g',
      'airflow.ti.finish.team-a__hello.total.success:1|c',
    ];
    for (const line of lines)
      await new Promise((sent) => socket.send(line, ports.udp, '127.0.0.1', () => sent(undefined)));
    socket.close();
    const text = await until((each) => each.includes('airflow_pool_slots'));
    expect(text).toContain('airflow_scheduler_heartbeat_total 1');
    expect(text).toContain(
      'airflow_dagrun_duration_seconds_sum{dag="hello",state="failed",team="team-a"} 4.2',
    );
    expect(text).toContain('airflow_pool_slots{state="open",team="team-b"} 3');
    expect(text).not.toContain('airflow_ti');
  });
});
