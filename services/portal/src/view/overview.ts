import type { Overview } from '../domain/overview.ts';
import type { Platform } from '../platform.ts';
import type { Rights } from '../session/person.ts';
import { documentation } from './documentation.ts';
import { health, healthLine } from './health.ts';
import { type Html, html } from './html.ts';
import { models } from './models.ts';
import type { Message } from './page.ts';
import type { FormToken } from './parts.ts';
import { pipelines } from './pipelines.ts';
import { quotas } from './quotas.ts';
import { tools } from './tools.ts';
import { work } from './work.ts';

export interface Shown {
  readonly platform: Platform;
  readonly rights: Rights;
  readonly overview: Overview;
  readonly urls: { readonly hub: string | undefined; readonly registry: string | undefined };
  readonly token: FormToken;
  readonly message: Message | undefined;
  /** In milliseconds since the epoch. */
  readonly now: number;
}

/** The page's content, from what a person starts with to what they rarely need. */
export const overviewContent = (shown: Shown): Html => html`
<h1 class="unseen">${shown.platform.name}</h1>
${
  shown.message !== undefined &&
  html`<p class="message ${shown.message.tone}" role="${shown.message.tone === 'good' ? 'status' : 'alert'}">${shown.message.text}</p>`
}
${healthLine(shown.overview.health)}
${tools(shown)}
<div class="columns">
<div class="column">${work(shown)}${models(shown)}${pipelines(shown)}</div>
<div class="column side">${quotas(shown)}${health(shown)}${documentation(shown)}</div>
</div>`;
