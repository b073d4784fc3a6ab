import type { Platform } from '../platform.ts';
import { type Html, html } from './html.ts';
import { section } from './parts.ts';

/** Where to read on. */
export const documentation = ({ platform }: { readonly platform: Platform }): Html | false =>
  platform.documentation.length > 0 &&
  section(
    'documentation',
    'Documentation',
    html`<ul class="links">${platform.documentation.map(
      ({ title, url, about }) =>
        html`<li><a href="${url}">${title}</a>${about !== '' && html` <span class="told">${about}</span>`}</li>`,
    )}</ul>`,
  );
