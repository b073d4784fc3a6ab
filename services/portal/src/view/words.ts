import { type Html, html } from './html.ts';

const spans = [
  { seconds: 86_400, unit: 'd' },
  { seconds: 3600, unit: 'h' },
  { seconds: 60, unit: 'min' },
  { seconds: 1, unit: 's' },
] as const;

/** In its largest unit: `3 h`. */
export const duration = (seconds: number): string => {
  const { seconds: per, unit } = spans.find((each) => seconds >= each.seconds) ?? { seconds: 1, unit: 's' };
  return `${Math.floor(Math.max(0, seconds) / per)} ${unit}`;
};

/** `3 h ago`, with the time itself for machines and on hovering. */
export const ago = (date: Date | undefined, now: number): Html => {
  if (date === undefined) return html`<span class="none">–</span>`;
  const iso = date.toISOString();
  const text = `${duration((now - date.getTime()) / 1000)} ago`;
  return html`<time datetime="${iso}" title="${iso.slice(0, 16).replace('T', ' ')} UTC">${text}</time>`;
};

/** Three digits that count, without an exponent. */
export const number = (value: number): string => {
  if (value === 0) return '0';
  if (value < 0.01) return '< 0.01';
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
};

export const percent = (share: number): string => `${number(share * 100)} %`;

export const milliseconds = (seconds: number): string =>
  seconds < 1 ? `${number(seconds * 1000)} ms` : `${number(seconds)} s`;

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;
