// make flow: the flights project from raw data to the retrained champion, on the lab that runs.
// usage: node tests/lab/flow/main.ts [--full] [--clean]
import { parseArgs } from 'node:util';
import { flow, removed } from './flow.ts';
import { Report } from './report.ts';
import { sizes } from './sizes.ts';

const { values } = parseArgs({ options: { full: { type: 'boolean' }, clean: { type: 'boolean' } } });
const report = new Report((line) => console.log(line));
if (values.clean === true) {
  await report.stage('clean', async () => {
    await removed();
    return {};
  });
} else {
  const { boundSeconds, ...size } = values.full === true ? sizes.full : sizes.small;
  await flow({ report, ...size });
  const { seconds } = report;
  console.log(`${'in all'.padEnd(22)} ${seconds.toFixed(0).padStart(4)} s  of ${boundSeconds} s`);
  if (seconds > boundSeconds) process.exitCode = 1;
}
