import { type Html, html, type Part } from './html.ts';

/** What each form needs that changes something. */
export interface FormToken {
  readonly value: string;
}

/** A part of the page with a heading of its own; `id` is what links lead to. */
export const section = (id: string, title: string, content: Part, aside?: Part): Html => html`
<section id="${id}" aria-labelledby="${id}-title">
<div class="head"><h2 id="${id}-title">${title}</h2>${aside !== undefined && html`<div class="aside">${aside}</div>`}</div>
${content}
</section>`;

export const note = (text: string): Html => html`<p class="note">${text}</p>`;
export const notes = (texts: readonly string[]): Html =>
  html`${texts.map((text) => note(text.endsWith('.') ? text : `${text}.`))}`;
export const empty = (content: Part): Html => html`<p class="empty">${content}</p>`;

export type Tone = 'good' | 'busy' | 'bad' | 'quiet';

/** Never colour alone: the word is there, and the dot has a shape for each. */
export const state = (tone: Tone, word: string): Html => html`<span class="state ${tone}">${word}</span>`;

export interface Column {
  readonly title: string;
  readonly kind?: 'number' | 'actions';
}

/** A table that scrolls by itself where it is wider than the screen, also with the keyboard. */
export const table = (
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Part[])[],
): Html => html`
<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
<table>
<caption class="unseen">${caption}</caption>
<thead><tr>${columns.map(
  ({ title, kind }) =>
    html`<th scope="col"${kind !== undefined && html` class="${kind}"`}>${
      kind === 'actions' ? html`<span class="unseen">${title}</span>` : title
    }</th>`,
)}</tr></thead>
<tbody>${rows.map(
  (cells) =>
    html`<tr>${cells.map((cell, index) => {
      const kind = columns[index]?.kind;
      const of = kind === undefined ? undefined : html` class="${kind}"`;
      return index === 0 ? html`<th scope="row"${of}>${cell}</th>` : html`<td${of}>${cell}</td>`;
    })}</tr>`,
)}</tbody>
</table>
</div>`;

export interface Button {
  readonly action: string;
  readonly text: string;
  /** To what it is done, for who doesn't see the row. */
  readonly about: string;
  /** What of the page was seen that the button is about: by then it may be another. */
  readonly seen?: Readonly<Record<string, string>>;
}

const hidden = (fields: Readonly<Record<string, string>>): readonly Html[] =>
  Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`);

/** A button that does one thing at once. */
export const button = ({ action, text, about, seen }: Button, token: FormToken): Html => html`
<form method="post" action="${action}">${hidden({ token: token.value, ...seen })}<button>${text}<span class="unseen"> ${about}</span></button></form>`;

export interface Confirmed extends Button {
  /** What happens then, in a sentence. */
  readonly consequence: string;
}

/** A button that asks once more, and for a reason: a popover, which browsers open and close without a script. */
export const confirmed = ({ action, text, about, seen, consequence }: Confirmed, token: FormToken): Html => {
  const id = `confirm${action.replaceAll(/[^\w-]/g, '-')}`;
  return html`
<button popovertarget="${id}">${text}<span class="unseen"> ${about}</span></button>
<div class="confirm" id="${id}" popover role="dialog" aria-labelledby="${id}-title"><form method="post" action="${action}">
<p class="title" id="${id}-title">${text} ${about}?</p><p>${consequence}</p>
${hidden({ token: token.value, ...seen })}
<label>Reason, for the record <input name="reason" maxlength="300" autocomplete="off" autofocus></label>
<div class="choices"><button type="button" popovertarget="${id}" popovertargetaction="hide">Cancel</button><button class="danger">${text}</button></div>
</form></div>`;
};
