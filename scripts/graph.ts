import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { picture } from './picture.ts';

writeFileSync(join(import.meta.dirname, '../docs/platform.svg'), await picture());
console.log('docs/platform.svg');
