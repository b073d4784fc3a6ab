import type { Health } from '../domain/health.ts';
import type { Overview } from '../domain/overview.ts';
import { type Html, html } from './html.ts';
import { notes, section, state } from './parts.ts';
import { plural } from './words.ts';

const tones = { well: 'good', starting: 'busy', ill: 'bad' } as const;

const counts = (items: readonly Health[]) => ({
  ill: items.filter((each) => each.state === 'ill'),
  starting: items.filter((each) => each.state === 'starting'),
  well: items.filter((each) => each.state === 'well'),
});

/** All in one sentence, above everything else. */
export const healthLine = ({ items, notes: unknown }: Overview['health']): Html => {
  const { ill, starting, well } = counts(items);
  if (ill.length > 0)
    return html`<p class="line bad"><a href="#health">${state('bad', `${plural(ill.length, 'component is', 'components are')} ill`)}</a> <span>${ill.map(({ name }) => name).join(', ')}</span></p>`;
  if (unknown.length > 0)
    return html`<p class="line busy"><a href="#health">${state('busy', "It isn't known how everything is")}</a></p>`;
  if (starting.length > 0)
    return html`<p class="line busy"><a href="#health">${state('busy', `${plural(starting.length, 'component is', 'components are')} starting`)}</a> <span>${starting.map(({ name }) => name).join(', ')}</span></p>`;
  return html`<p class="line good"><a href="#health">${state('good', `All ${well.length} components are well`)}</a></p>`;
};

const troubled = (each: Health): Html => html`
<li><div class="row">${state(tones[each.state], each.state)}<span class="name">${each.name}</span><span class="told">${each.namespace}, ${each.told}</span></div>
${each.reasons.length > 0 && html`<ul class="reasons">${each.reasons.slice(0, 3).map((reason) => html`<li>${reason}</li>`)}</ul>`}</li>`;

const grouped = (items: readonly Health[]): readonly (readonly [string, readonly Health[]])[] => {
  const groups = new Map<string, Health[]>();
  for (const each of items) groups.set(each.namespace, [...(groups.get(each.namespace) ?? []), each]);
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
};

/** What isn't well and why; what is well is folded up. */
export const health = ({ overview }: { readonly overview: Pick<Overview, 'health'> }): Html => {
  const { items, notes: unknown } = overview.health;
  const { ill, starting, well } = counts(items);
  return section(
    'health',
    'Health',
    html`${notes(unknown)}
${ill.length + starting.length > 0 && html`<ul class="health">${[...ill, ...starting].map(troubled)}</ul>`}
${
  well.length > 0 &&
  html`<details class="well"><summary>${plural(well.length, 'component is', 'components are')} well</summary>
<dl>${grouped(well).map(([namespace, all]) => html`<div><dt>${namespace}</dt><dd>${all.map(({ name, told }) => html`<span>${name} <span class="told">${told}</span></span> `)}</dd></div>`)}</dl></details>`
}`,
  );
};
