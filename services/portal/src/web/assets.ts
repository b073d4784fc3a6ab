import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';

const types = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', svg: 'image/svg+xml' };
const own = join(import.meta.dirname, '../../assets');
const plot = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist');

const sources = {
  'portal.css': join(own, 'portal.css'),
  'portal.js': join(own, 'portal.js'),
  'icon.svg': join(own, 'icon.svg'),
  'uplot.js': join(plot, 'uPlot.iife.min.js'),
  'uplot.css': join(plot, 'uPlot.min.css'),
} as const;
type Name = keyof typeof sources;
const names = Object.keys(sources) as Name[];

/** Where each is; the path changes with the content, so a browser may keep it for ever. */
export type AssetPaths = Readonly<Record<Name, string>>;

export interface Asset {
  readonly path: string;
  readonly type: string;
  readonly content: Buffer;
}
export type Assets = Readonly<Record<Name, Asset>>;

export const readAssets = async (): Promise<Assets> => {
  const read = names.map(async (name) => {
    const content = await readFile(sources[name]);
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
    const [base, extension = 'css'] = name.split('.');
    const type = types[extension as keyof typeof types];
    return [name, { path: `/assets/${base}.${hash}.${extension}`, type, content }] as const;
  });
  return Object.fromEntries(await Promise.all(read)) as unknown as Assets;
};

export const pathsOf = (assets: Assets): AssetPaths =>
  Object.fromEntries(names.map((name) => [name, assets[name].path])) as unknown as AssetPaths;

/** To anybody: they are the same for everybody. */
export const serveAssets = (app: FastifyInstance, assets: Assets): void => {
  for (const { path, type, content } of Object.values(assets))
    app.get(path, (_, reply) =>
      reply
        .header('cache-control', 'public, max-age=31536000, immutable')
        .header('content-type', type)
        .send(content),
    );
};
