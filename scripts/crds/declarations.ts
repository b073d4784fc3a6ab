/** What one file of `cdk8s import` declares. */
export interface Declarations {
  /** Text of a .d.ts file. */
  readonly text: string;
  readonly kinds: readonly CustomKind[];
}

export interface CustomKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** Name of the interface that describes an object of this kind. */
  readonly props: string;
}

const declaration = /^export (class|interface|enum|function) (\w+)/;
const property = /^ {2}readonly (?:\w+|'[^']+')(\??): (.+);$/;
const member = /^ {2}\w+ = (".*"|-?[\d.]+),$/;
const fieldTag = /^ {3}\* @schema \S+#(.+)$/;
const header = ["import type { ApiObjectMetadata } from 'cdk8s';", ''];

const fieldName = (wire: string): string => (/^[A-Za-z_]\w*$/.test(wire) ? wire : JSON.stringify(wire));

const interfaceLines = (name: string, body: readonly string[]): string[] => {
  let wire: string | undefined;
  const lines = body.map((line) => {
    wire = fieldTag.exec(line)?.[1] ?? wire;
    const found = property.exec(line);
    if (found === null) return line;
    if (wire === undefined) throw new Error(`${name}: no @schema tag before ${line.trim()}`);
    const type = (found[2] ?? '').replaceAll(/\bany\b/g, 'unknown').replaceAll(/\bDate\b/g, 'string');
    const text = `  readonly ${fieldName(wire)}${found[1]}: ${type};`;
    wire = undefined;
    return text;
  });
  return [`export interface ${name} {`, ...lines, '}', ''];
};

const classLines = (name: string, body: readonly string[]): string[] => {
  const value = body.map((line) => /public readonly value: (.+)\) \{$/.exec(line)?.[1]).find(Boolean);
  if (value === undefined) throw new Error(`${name}: neither an object nor a union of values`);
  return [`export type ${name} = ${value};`, ''];
};

const enumLines = (name: string, body: readonly string[]): string[] => {
  const values = body.map((line) => member.exec(line)?.[1]).filter((value) => value !== undefined);
  if (values.length === 0) throw new Error(`${name}: an enumeration without values`);
  return [`export type ${name} = ${values.join(' | ')};`, ''];
};

const kindOf = (name: string, body: readonly string[]): CustomKind => {
  const field = (key: string): string => {
    const line = body.find((text) => text.startsWith(`    ${key}: '`));
    if (line === undefined) throw new Error(`${name}: no ${key}`);
    return line.slice(line.indexOf("'") + 1, line.lastIndexOf("'"));
  };
  return { apiVersion: field('apiVersion'), kind: field('kind'), props: `${name}Props` };
};

/**
 * Turns what `cdk8s import -l typescript` writes into types only: Node's type stripping refuses its enums, and its
 * field names are camel-cased (`hostIp`) where the API's are not (`hostIP`), which only its classes know to undo.
 * So enums become unions of their values, value classes what they hold, and fields get the API's own names.
 */
export const declarations = (source: string): Declarations => {
  const text = [...header];
  const kinds: CustomKind[] = [];
  const lines = source.split('\n');
  let comment: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line.startsWith('/**')) comment = [];
    const found = declaration.exec(line);
    if (found === null) {
      comment.push(line);
      continue;
    }
    const [, what, name = ''] = found;
    const end = lines.indexOf('}', at);
    const body = lines.slice(at + 1, end);
    if (what === 'class' && line.includes(' extends ApiObject')) kinds.push(kindOf(name, body));
    else if (what === 'class') text.push(...comment, ...classLines(name, body));
    else if (what === 'enum') text.push(...comment, ...enumLines(name, body));
    else if (what === 'interface') text.push(...comment, ...interfaceLines(name, body));
    comment = [];
    at = end;
  }
  return { text: text.join('\n'), kinds };
};
