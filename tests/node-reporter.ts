import type { TestEvent } from 'node:test/reporters';
import type { NodeEvent } from './node.ts';

const lines = (error: unknown): string => {
  const { cause } = error as { cause?: unknown };
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? error);
  return text.split('\n').slice(0, 8).join('\n      ');
};

/** A reporter for `node --test`: one line of JSON for each test that ended, and for each suite that was skipped whole. */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, file, line, details, skip, todo } = event.data;
    if (details.type === 'suite' && skip === undefined) continue;
    const left = skip !== undefined || todo !== undefined;
    const found: NodeEvent = {
      result: left ? 'skip' : event.type === 'test:pass' ? 'pass' : 'fail',
      name,
      ...(typeof skip === 'string' && { why: skip }),
      ...(file !== undefined && { file }),
      ...(line !== undefined && { line }),
      ...('error' in details && { error: lines(details.error) }),
    };
    yield `${JSON.stringify(found)}\n`;
  }
}
