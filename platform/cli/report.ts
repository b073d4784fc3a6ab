import type { FieldChange, ObjectChange } from './compare.ts';

/** How one environment differs between two revisions. */
export interface EnvironmentDiff {
  readonly environment: string;
  readonly changes: readonly ObjectChange[];
  /** Something to know about the comparison itself, such as an environment that is new. */
  readonly note?: string;
}

const longestValue = 160;
const mostLines = 12;
/** GitHub takes 65,536 characters in a comment. */
const longestComment = 60_000;

const sign = { added: '+', removed: '-', changed: '~' } as const;

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > longestValue ? `${text.slice(0, longestValue)}... (${text.length} characters)` : text;
};

/** The lines between what two texts have in common at their beginning and their end. */
const lineChanges = (before: string, after: string): readonly string[] => {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let begin = 0;
  while (begin < old.length && begin < now.length && old[begin] === now[begin]) begin++;
  let end = 0;
  while (
    end < old.length - begin &&
    end < now.length - begin &&
    old[old.length - 1 - end] === now[now.length - 1 - end]
  )
    end++;
  const lines = [
    ...old.slice(begin, old.length - end).map((line) => `- ${line}`),
    ...now.slice(begin, now.length - end).map((line) => `+ ${line}`),
  ];
  const rest = lines.length - mostLines;
  return rest > 0 ? [...lines.slice(0, mostLines), `  ... ${rest} more lines`] : lines;
};

const fieldLines = ({ path, ...values }: FieldChange): readonly string[] => {
  const { before, after } = values;
  if (typeof before === 'string' && typeof after === 'string' && (before + after).includes('\n'))
    return [`    ${path}:`, ...lineChanges(before, after).map((line) => `      ${line}`)];
  if (!('before' in values)) return [`    ${path}: added ${shown(after)}`];
  if (!('after' in values)) return [`    ${path}: removed ${shown(before)}`];
  return [`    ${path}: ${shown(before)} -> ${shown(after)}`];
};

const changeLines = ({ kind, object, fields, effects }: ObjectChange): readonly string[] => [
  `  ${sign[kind]} ${object}${effects.length > 0 ? `  (${effects.join(', ')})` : ''}`,
  ...fields.flatMap(fieldLines),
];

const count = (changes: readonly ObjectChange[], kind: ObjectChange['kind']): number =>
  changes.filter((change) => change.kind === kind).length;

const summary = (changes: readonly ObjectChange[]): string => {
  if (changes.length === 0) return 'no difference';
  const effects = [...new Set(changes.flatMap((change) => change.effects))].map((effect) => {
    const objects = changes.filter((change) => change.effects.includes(effect)).map(({ object }) => object);
    return `${effect}: ${objects.join(', ')}`;
  });
  const counts = (['added', 'removed', 'changed'] as const).map((kind) => `${count(changes, kind)} ${kind}`);
  return [counts.join(', '), ...effects].join('; ');
};

export const textReport = (diffs: readonly EnvironmentDiff[]): string =>
  diffs
    .map(({ environment, changes, note }) =>
      [
        `${environment}: ${summary(changes)}`,
        ...(note === undefined ? [] : [`  (${note})`]),
        ...changes.flatMap(changeLines),
      ].join('\n'),
    )
    .join('\n\n');

/** A comment for a pull request: a table that says what to look at, then every change to open. */
export const markdownReport = (diffs: readonly EnvironmentDiff[], base: string): string => {
  const rows = diffs.map(({ environment, changes }) => {
    const having = (effect: ObjectChange['effects'][number]) =>
      changes.filter((change) => change.effects.includes(effect)).map(({ object }) => `\`${object}\``);
    const cell = (objects: readonly string[]) => (objects.length > 0 ? objects.join('<br>') : '');
    const replaced = [
      ...having('replaces'),
      ...having('loses data unless kept').map((each) => `${each} (data)`),
    ];
    return [
      environment,
      ...(['added', 'removed', 'changed'] as const).map((kind) => String(count(changes, kind))),
      cell([...new Set(replaced)]),
      cell([...having('restarts'), ...having('runs again')]),
    ];
  });
  const table = [
    ['Environment', 'Added', 'Removed', 'Changed', 'Replaced', 'Restarted'],
    ['---', '--:', '--:', '--:', '---', '---'],
    ...rows,
  ].map((cells) => `| ${cells.join(' | ')} |`);
  const details = diffs
    .filter(({ changes }) => changes.length > 0)
    .map(({ environment, changes, note }) =>
      [
        `<details><summary>${environment}: ${changes.length} ${changes.length === 1 ? 'object' : 'objects'}</summary>`,
        ...(note === undefined ? [] : ['', note]),
        '',
        '````diff',
        ...changes.flatMap(changeLines).map((line) => line.replace(/^ {2}(?=[-+~])/, '')),
        '````',
        '',
        '</details>',
      ].join('\n'),
    );
  const title = `### What this changes in the rendered platform, compared with \`${base}\``;
  const comment = [title, '', ...table, '', ...details].join('\n');
  if (comment.length <= longestComment) return comment;
  return [
    title,
    '',
    ...table,
    '',
    `Too long to show here: \`./plinth diff --base ${base}\` prints it all.`,
  ].join('\n');
};
