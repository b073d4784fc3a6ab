import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { instance } from '@viz-js/viz';
import { environments } from '../environments/index.ts';
import { compose } from '../platform/compose.ts';
import { drawing } from '../platform/drawing.ts';
import { parseEnvironment } from '../platform/spec.ts';

const docs = join(import.meta.dirname, '../docs');
const { app } = compose(parseEnvironment('local', environments['local']));
const viz = await instance();
mkdirSync(docs, { recursive: true });
// The library stamps its version into a comment, which would change the picture without a change of the platform.
const svg = viz.renderString(drawing(app), { format: 'svg' }).replaceAll(/<!--.*?-->\n?/gs, '');
writeFileSync(join(docs, 'platform.svg'), svg);
console.log('docs/platform.svg');
