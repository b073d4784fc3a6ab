import { readFileSync } from 'node:fs';

export const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8');
