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

class Emitter {
  readonly #seen = new Set<object>();

  map(value: object, indent: string): string {
    this.#once(value);
    let text = '';
    for (const key of Object.keys(value)) {
      if (key.length > 1000 || key.includes('\n') || documentMarker.test(key)) throw rare;
      const line = `${oneLine(key)}:${this.#field(Reflect.get(value, key), indent)}`;
      text += text === '' ? line : `\n${indent}${line}`;
    }
    return text;
  }

  #field(value: unknown, indent: string): string {
    if (typeof value !== 'object' || value === null) return ` ${this.#scalar(value, `${indent}  `)}`;
    if (Array.isArray(value)) {
      if (value.length === 0) return ' []';
      return `\n${indent}  ${this.#list(value, `${indent}  `)}`;
    }
    const text = this.map(value, `${indent}  `);
    return text === '' ? ' {}' : `\n${indent}  ${text}`;
  }

  #list(values: readonly unknown[], indent: string): string {
    this.#once(values);
    let text = '';
    const inner = `${indent}  `;
    for (const value of values) {
      text += text === '' ? '- ' : `\n${indent}- `;
      if (typeof value !== 'object' || value === null) text += this.#scalar(value, inner);
      else if (Array.isArray(value)) text += value.length === 0 ? '[]' : this.#list(value, inner);
      else text += this.map(value, inner) || '{}';
    }
    return text;
  }

  #scalar(value: unknown, indent: string): string {
    if (typeof value === 'string') return value.includes('\n') ? block(value, indent) : oneLine(value);
    if (typeof value === 'boolean') return value ? 'true' : 'false';
    if (typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0)) {
      return JSON.stringify(value);
    }
    throw rare;
  }

  /** The library writes a second occurrence of the same object as an alias. */
  #once(value: object): void {
    if (this.#seen.has(value)) throw rare;
    this.#seen.add(value);
  }
}

/**
 * Writes documents as `Yaml.stringify` of cdk8s does, byte for byte, several times as fast. What is rare (control
 * characters, trailing blank lines, one object in two places) is left to it.
 */
export const toYaml = (documents: readonly object[]): string => {
  return documents
    .map((document) => {
      try {
        const text = new Emitter().map(document, '');
        return text === '' ? Yaml.stringify(document) : `${text}\n`;
      } catch (reason) {
        if (reason !== rare) throw reason;
        return Yaml.stringify(document);
      }
    })
    .join('---\n');
};
