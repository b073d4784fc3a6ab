import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { grown, PrometheusMeter, questions } from '../src/measure.ts';
import { gates } from './support/policies.ts';

const wanted = {
  ...{ team: 'team-a', model: 'delays', version: '4', stable: '3', gates },
  since: 1_764_412_200_250,
  step: { kind: 'canary', weight: 10, seconds: 120 },
} as const;

test('a canary is asked for what had to be answered for it, a shadow for its copies', () => {
  const canary = questions(wanted);
  const counted = (name: string, whose = '', more = '') =>
    `sum(${grown(`plinth_gateway_${name}{${whose}model="delays",version="4"${more}}`, wanted.since)})`;
  const fallbacks = counted('fallbacks_total', '', ',reason!="memory"');
  assert.equal(
    canary.requests,
    `(${counted('requests_total', 'team="team-a",')} or vector(0)) + (${fallbacks} or vector(0))`,
  );
  assert.equal(canary.failures, fallbacks);
  assert.equal('differing' in canary, false);
  assert.match(canary.stableSeconds ?? '', /quantile\(0\.95,.*version="3"/);
  const shadow = questions({ ...wanted, step: { kind: 'shadow', seconds: 60 } });
  assert.match(
    shadow.failures,
    /plinth_gateway_mirrors_total\{model="delays",version="4",result=~"failed\|unlike"\}/,
  );
  assert.match(shadow.differing ?? '', /result=~"differ"/);
});

test("labels are asked for of both versions of the team's model, since the candidate's step began", () => {
  const asked: Readonly<Record<string, string>> = questions(wanted);
  for (const [name, series, version] of [
    ['Judged', 'judged_rows', '4'],
    ['Wrong', 'wrong_rows', '4'],
    ['Error', 'error', '4'],
    ['stableJudged', 'judged_rows', '3'],
    ['stableWrong', 'wrong_rows', '3'],
    ['stableError', 'error', '3'],
  ] as const)
    assert.equal(
      asked[name],
      `sum(${grown(`plinth_prediction_${series}_total{team="team-a",model="delays",version="${version}"}`, wanted.since)})`,
    );
});

test('what was counted before its step is no matter, however short that is', () => {
  assert.equal(grown('x', 1500), '((x - x @ 1.500 >= 0) or x)');
});

test('a label can not break out of its question', () => {
  assert.match(
    questions({ ...wanted, model: 'a"} or vector(1) #' }).requests,
    /model="a\\"\} or vector\(1\) #"/,
  );
});

test('answers are numbers, nothing is null, and no answer is no measurement', async () => {
  let status = 200;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const query = new URLSearchParams(Buffer.concat(chunks).toString('utf8')).get('query') ?? '';
      const value = query.startsWith('histogram')
        ? 'NaN'
        : query.includes('timestamp')
          ? '1764412230'
          : query.includes('requests_total')
            ? '250'
            : '2';
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          status: 'success',
          data: { resultType: 'vector', result: [{ metric: {}, value: [1, value] }] },
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const failed: unknown[] = [];
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const meter = new PrometheusMeter(address, (error) => failed.push(error));
  assert.deepEqual(await meter.measure(wanted), {
    ...{ requests: 250, failures: 2, differing: 0, seconds: null, stableSeconds: null },
    labelled: { rows: 2, wrong: 2, error: 2 },
    stableLabelled: { rows: 2, wrong: 2, error: 2 },
    until: 1_764_412_230_000,
  });
  status = 503;
  assert.equal(await meter.measure(wanted), undefined);
  assert.equal(failed.length > 0, true);
  server.closeAllConnections();
  server.close();
});
