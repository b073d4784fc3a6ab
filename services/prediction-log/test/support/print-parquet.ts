import { readFileSync } from 'node:fs';
import { parquetReadObjects } from 'hyparquet';

// usage: print-parquet.ts FILE...; prints each file's rows as one line of JSON.
for (const path of process.argv.slice(2))
  console.log(JSON.stringify(await parquetReadObjects({ file: new Uint8Array(readFileSync(path)).buffer })));
