/** Markup that is safe to send: made by `html` and by nothing else. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** `false` and `undefined` are nothing, so that a condition can stand in a template. */
export type Part = Html | string | number | false | undefined | readonly Part[];

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const textOf = (part: Part): string => {
  if (part === false || part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'string') return part.replace(/[&<>"']/g, (each) => escapes[each] ?? '');
  if (typeof part === 'number') return String(part);
  return part.map(textOf).join('');
};

/** What stands in the template itself is markup; what is filled in is text, in elements and in quoted attributes. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.reduce((all, each, index) => `${all}${textOf(parts[index - 1])}${each}`));
