import type { App } from 'cdk8s';
import { type AddressNames, type Box, mapOf, type PlatformMap, type Shape } from './map.ts';

export type { AddressNames } from './map.ts';

const shapes: Readonly<Record<Shape, string>> = {
  service: 'shape=box, style="rounded,filled", fillcolor="#ffffff", color="#3c4043"',
  data: 'shape=cylinder, style=filled, fillcolor="#ffffff", color="#3c4043"',
  jobs: 'shape=box, style="rounded,dashed,filled", fillcolor="#ffffff", color="#80868b"',
  pods: 'shape=box3d, style=filled, fillcolor="#ffffff", color="#80868b"',
  outside: 'shape=box, style=filled, fillcolor="#e8eaed", color="#5f6368"',
};

/** Background of a namespace, and of the arrows into it, taken in turn. */
const colours = [
  ['#e8f0fe', '#1a73e8'],
  ['#e6f4ea', '#188038'],
  ['#fef7e0', '#b06000'],
  ['#fce8e6', '#c5221f'],
  ['#f3e8fd', '#8430ce'],
  ['#e4f7fb', '#00796b'],
  ['#fde7f3', '#b80672'],
  ['#f1f3f4', '#5f6368'],
  ['#f4ead9', '#7b5e2b'],
  ['#e8eaf6', '#3949ab'],
  ['#e9f5db', '#5b7f16'],
  ['#e0f2f1', '#00695c'],
] as const;

/** One whose widths Graphviz knows without having it. */
const font = 'Helvetica';
const quoted = (text: string): string => JSON.stringify(text);
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const small = (text: string): string => `<br/><font point-size="9" color="#5f6368">${escaped(text)}</font>`;

/** Many jobs of one component are told by their number. */
const mostParts = 3;

const label = ({ title, parts, ports, measured }: Box): string => {
  const listed = [...parts].sort();
  const jobs = listed.length > mostParts ? [`${listed.length} of them`] : listed;
  const doors = [...ports].sort((a, b) => a - b).map(String);
  const lines = [...jobs, ...(doors.length > 0 ? [doors.join(', ')] : []), ...(measured ? ['metrics'] : [])];
  return `<${escaped(title)}${lines.map(small).join('')}>`;
};

/** Teams whose namespaces look alike are drawn once, under all their names. */
const merged = ({
  boxes,
  paths,
}: PlatformMap): { readonly map: PlatformMap; readonly names: Map<string, string[]> } => {
  const namespaces = [...new Set([...boxes.values()].flatMap(({ namespace }) => namespace ?? []))].sort();
  const kept = new Map<string, string>();
  const names = new Map<string, string[]>();
  for (const namespace of namespaces) {
    const anywhere = (text: string): string => text.replaceAll(namespace, '*');
    const inside = [...boxes.values()].filter((box) => box.namespace === namespace);
    const ids = new Set(inside.map(({ id }) => id));
    const look = JSON.stringify([
      inside.map((box) => [anywhere(box.id), label(box)]),
      paths.flatMap(({ from, to }) => (ids.has(from) || ids.has(to) ? [anywhere(`${from} ${to}`)] : [])),
    ]);
    const key = namespace.startsWith('team-') ? look : namespace;
    const first = kept.get(key) ?? namespace;
    kept.set(key, first);
    names.set(first, [...(names.get(first) ?? []), namespace]);
  }
  const drawn = (id: string): boolean => {
    const namespace = boxes.get(id)?.namespace;
    return namespace === undefined || names.has(namespace);
  };
  return {
    map: {
      boxes: new Map([...boxes].filter(([id]) => drawn(id))),
      paths: paths.filter(({ from, to }) => drawn(from) && drawn(to)),
    },
    names,
  };
};

const legend = [
  '  subgraph cluster_legend {',
  '    label="legend"; style="rounded,dashed"; color="#9aa0a6"; fontcolor="#5f6368"; margin=10;',
  ...(
    [
      ['service', 'service'],
      ['data', 'with a volume'],
      ['jobs', 'runs once'],
      ['pods', 'made by others'],
      ['outside', "not Plinth's"],
    ] as const
  ).map(
    ([shape, title]) =>
      `    ${quoted(`legend ${shape}`)} [label=${quoted(title)}, fontsize=10, ${shapes[shape]}];`,
  ),
  '    "legend text" [shape=plaintext, fontsize=10, label="an arrow: a network policy lets it connect,\\l' +
    'to the ports in the box it points to;\\lall else is refused\\lmetrics: Prometheus reads them\\l"];',
  '  }',
];

/**
 * The platform as a Graphviz drawing: workloads by namespace, an arrow for each path that a policy opens. Everything
 * is laid out from the tree, so that a new component needs no hand.
 */
export const drawing = (app: App, addresses: AddressNames = {}): string => {
  const { map, names } = merged(mapOf(app, addresses));
  const colourOf = new Map(
    [...names.keys()].map((namespace, at) => [namespace, colours[at % colours.length]]),
  );
  const node = (box: Box): string => `${quoted(box.id)} [label=${label(box)}, ${shapes[box.shape]}];`;
  const boxes = [...map.boxes.values()];
  const clusters = [...names].flatMap(([namespace, all]) => [
    `  subgraph ${quoted(`cluster_${namespace}`)} {`,
    `    label="${all.join(', ')}"; margin=12; fillcolor="${colourOf.get(namespace)?.[0]}"; fontcolor="${colourOf.get(namespace)?.[1]}";`,
    ...boxes.filter((box) => box.namespace === namespace).map((box) => `    ${node(box)}`),
    '  }',
  ]);
  const outside = boxes.filter(({ namespace }) => namespace === undefined).map((box) => `  ${node(box)}`);
  const arrows = map.paths.map(({ from, to }) => {
    const colour = colourOf.get(map.boxes.get(to)?.namespace ?? '')?.[1] ?? '#5f6368';
    return `  ${quoted(from)} -> ${quoted(to)} [color="${colour}"];`;
  });
  return [
    'digraph platform {',
    `  rankdir=LR; bgcolor="white"; fontname="${font}"; fontsize=13; nodesep=0.22; ranksep=0.9; pad=0.2;`,
    '  style="rounded,filled"; color="#dadce0"; labeljust=l;',
    `  node [fontname="${font}", fontsize=11, fontcolor="#202124", margin="0.14,0.07"];`,
    '  edge [penwidth=1.2, arrowsize=0.7];',
    ...clusters,
    ...outside,
    ...arrows,
    ...legend,
    '}',
  ].join('\n');
};
