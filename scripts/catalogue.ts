import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Catalogue, imageNames } from '../constructs/catalogue/index.ts';
import { contentOf } from '../lab/images/content.ts';

/** Writes the `content` of every image into the catalogue. `--check` only says whether that would change it (exit code 1). */
const file = join(import.meta.dirname, '..', 'constructs', 'catalogue', 'versions.json');
const before = readFileSync(file, 'utf8');
const { asOf, images, published } = JSON.parse(before) as Catalogue;
const renewed = Object.fromEntries(
  imageNames.toSorted().map((name) => [name, { ...images[name], content: contentOf(name) }]),
);
const after = `${JSON.stringify({ asOf, images: renewed, published }, null, 2)}\n`;
if (before === after) {
  console.log('constructs/catalogue/versions.json is up to date');
} else if (process.argv.includes('--check')) {
  console.error('constructs/catalogue/versions.json is stale: run `make catalogue`');
  process.exitCode = 1;
} else {
  writeFileSync(file, after);
  for (const name of imageNames) {
    const [from, to] = [images[name]?.content, renewed[name]?.content];
    if (from !== to) console.log(`${name}: ${from} -> ${to}`);
  }
}
