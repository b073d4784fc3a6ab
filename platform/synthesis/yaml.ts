import { Yaml } from 'cdk8s';

/** Thrown inside, never out of here: this document has something that only the library knows how to write. */
const rare = Symbol('rare');

// What `yaml` would not write as a plain scalar: its own test for indicators, and the strings that YAML 1.1 reads
// as something else than a string.
const indicators = /^[\n\t ,[\]{}#&*!|>'"%@`]|^[?-]$|^[?-][ \t]|[\n:][ \t]|[ \t]\n|[\n\t ]#|[\n\t :]$/;
const notStrings = new RegExp(
  [
    '^(?:~|[Nn]ull|NULL)?$',
    '^(?:[YyNn]|[Yy]es|YES|[Nn]o|NO|[Tt]rue|TRUE|[Ff]alse|FALSE|[Oo]n|ON|[Oo]ff|OFF)$',
    '^[-+]?(?:0b[01_]+|[0-9][0-9_]*|0x[0-9a-fA-F_]+)$',
    '^(?:[-+]?\\.(?:inf|Inf|INF)|\\.nan|\\.NaN|\\.NAN)$',
    '^[-+]?(?:[0-9][0-9_]*)?(?:\\.[0-9_]*|(?:\\.[0-9_]*)?[eE][-+]?[0-9]+)$',
    // Base 60, and dates with or without a time.
    '^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\\.[0-9_]*)?$',
    '^\\d{4}-\\d{1,2}-\\d{1,2}(?:(?:t|T|[ \\t]+)\\d{1,2}:\\d{1,2}:\\d{1,2}(?:\\.\\d+)?' +
      '(?:[ \\t]*(?:Z|[-+][012]?\\d(?::\\d{2})?))?)?$',
  ].join('|'),
);
/** Control characters and surrogates; emoji are pairs of those, and rare enough. */
const controls = /[^\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\uffff]/;
const documentMarker = /^(?:%|---|\.\.\.)/m;

/** Most of what a manifest says: a word that starts with a letter or a slash, and is none of YAML's own. */
const word = /^(?![Ee]\d+$)[A-Za-z/][\w./-]*$/;
const notWord =
  /^(?:[Nn]ull|NULL|[YyNn]|[Yy]es|YES|[Nn]o|NO|[Tt]rue|TRUE|[Ff]alse|FALSE|[Oo]n|ON|[Oo]ff|OFF)$/;

const isPlain = (text: string): boolean => !indicators.test(text) && !notStrings.test(text);

const quoted = (text: string): string =>
  text.includes('"') && !text.includes("'") ? `'${text}'` : JSON.stringify(text);

/** One line: plain where it can be read back as the same string, else quoted. */
const oneLine = (text: string): string => {
  if (word.test(text) && (text.length > 5 || !notWord.test(text))) return text;
  if (controls.test(text)) throw rare;
  return isPlain(text) ? text : quoted(text);
};

/** Several lines: a literal block. */
const block = (text: string, indent: string): string => {
  // Blank lines at the end, or blanks after the last line break, need other headers or quotes.
  if (controls.test(text) || /\n[\t \n]*\n$|\n[\t ]+$|^[\t \n]*$/.test(text)) throw rare;
  const clipped = text.endsWith('\n');
  const header = `|${/^\n* /.test(text) ? '2' : ''}${clipped ? '' : '-'}`;
  const body = clipped ? text.slice(0, -1) : text;
  return `${header}\n${indent}${body.replaceAll(/\n+/g, (breaks) => breaks + indent)}`;
};

type Seen = Set<object>;

/** The library writes a second occurrence of the same object as an alias. */
const once = (value: object, seen: Seen): void => {
  if (seen.has(value)) throw rare;
  seen.add(value);
};

const scalar = (value: unknown, indent: string): string => {
  if (typeof value === 'string') return value.includes('\n') ? block(value, indent) : oneLine(value);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0))
    return JSON.stringify(value);
  throw rare;
};

const list = (values: readonly unknown[], indent: string, seen: Seen): string => {
  once(values, seen);
  const inner = `${indent}  `;
  let text = '';
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at];
    text += at === 0 ? '- ' : `\n${indent}- `;
    if (typeof value !== 'object' || value === null) text += scalar(value, inner);
    else if (Array.isArray(value)) text += value.length === 0 ? '[]' : list(value, inner, seen);
    else text += map(value as Fields, inner, seen) || '{}';
  }
  return text;
};

type Fields = { readonly [field: string]: unknown };

/** Field names as they are written: a platform has few, and each of them many times. */
const written = new Map<string, string>();

const fieldName = (key: string): string => {
  let name = written.get(key);
  if (name === undefined) {
    if (key.length > 1000 || key.includes('\n') || documentMarker.test(key)) throw rare;
    name = `${oneLine(key)}:`;
    written.set(key, name);
  }
  return name;
};

const map = (value: Fields, indent: string, seen: Seen): string => {
  once(value, seen);
  const inner = `${indent}  `;
  let text = '';
  for (const key in value) {
    const field = value[key];
    text += text === '' ? fieldName(key) : `\n${indent}${fieldName(key)}`;
    if (typeof field !== 'object' || field === null) text += ` ${scalar(field, inner)}`;
    else if (Array.isArray(field))
      text += field.length === 0 ? ' []' : `\n${inner}${list(field, inner, seen)}`;
    else {
      const nested = map(field as Fields, inner, seen);
      text += nested === '' ? ' {}' : `\n${inner}${nested}`;
    }
  }
  return text;
};

/**
 * Writes documents as `Yaml.stringify` of cdk8s does, byte for byte, several times as fast. What is rare (control
 * characters, trailing blank lines, one object in two places) is left to it.
 */
export const toYaml = (documents: readonly object[]): string => {
  return documents
    .map((document) => {
      try {
        const text = map(document as Fields, '', new Set());
        return text === '' ? Yaml.stringify(document) : `${text}\n`;
      } catch (reason) {
        if (reason !== rare) throw reason;
        return Yaml.stringify(document);
      }
    })
    .join('---\n');
};
