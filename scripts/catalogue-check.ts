import { endOfLifeReport } from '../constructs/catalogue/end-of-life.ts';
import { environments } from '../environments/index.ts';

/** Part of `make check`: the only place where ends of life meet the clock. Exit code 1 once one has passed. */
const today = new Date().toISOString().slice(0, 10);
const exceptions = Object.entries(environments).map(([name, { imageExceptions }]) => [
  name,
  imageExceptions ?? [],
]);
const { failures, warnings } = endOfLifeReport(today, Object.fromEntries(exceptions));
for (const warning of warnings) console.warn(`warning: ${warning}`);
for (const failure of failures) console.error(failure);
if (failures.length > 0) process.exitCode = 1;
else console.log(`no image of any environment is past its end of life on ${today}`);
