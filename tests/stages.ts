/** A command that passes by its exit code and counts as one test. */
interface Command {
  readonly title: string;
  readonly command: readonly string[];
}

/** The tests of tests/lab, on one lab that is brought up for all of them. */
export interface LabStage {
  readonly kind: 'lab';
  /**
   * Names of files that run first, side by side, each lane in its order: they wait more than they compute. What lanes
   * would take from each other, tests/alone.ts gives to one of them at a time.
   */
  readonly lanes: readonly (readonly string[])[];
  /** Names of files that need the lab for themselves, in their order. Files that are named nowhere come before them. */
  readonly last: readonly string[];
}

/**
 * A stage of the tests: a jest project, the tests of a Go module, of packages with dependencies of their own
 * (`node --test`), or commands that pass by their exit code.
 */
export type Stage = {
  /** True for stages that get a second run when something fails; see tests/stage.ts. */
  readonly startsServers?: true;
  /** True for stages that mount, or make networks, while they run: none of it is there while another test compares. */
  readonly changesHost?: true;
} & (
  | { readonly kind: 'jest'; readonly project: string }
  | LabStage
  | { readonly kind: 'go'; readonly module: string; readonly debianPackages: readonly string[] }
  | { readonly kind: 'node'; readonly packages: readonly string[] }
  | { readonly kind: 'commands'; readonly commands: readonly Command[] }
);

/** Each with all of its own set-up. */
export const stages: Readonly<Record<string, Stage>> = {
  check: {
    kind: 'commands',
    commands: [
      { title: 'types', command: ['node', 'node_modules/typescript7/bin/tsc', '--noEmit', '-p', '.'] },
      { title: 'lint', command: ['node_modules/.bin/biome', 'check', '--error-on-warnings', '.'] },
      {
        title: 'import arrows',
        command: [
          ...['node_modules/.bin/depcruise', '--config', '.dependency-cruiser.cjs'],
          ...['constructs', 'platform', 'environments', 'lab', 'scripts', 'services', 'tests', 'bench'],
        ],
      },
      { title: 'end of life', command: ['node', 'scripts/catalogue-check.ts'] },
    ],
  },
  unit: { kind: 'jest', project: 'unit' },
  services: {
    kind: 'node',
    packages: [
      ...['services/identity-sync', 'services/inference-gateway'],
      ...['services/portal', 'services/prediction-log', 'services/promoter'],
    ],
    startsServers: true,
  },
  sdk: {
    kind: 'commands',
    commands: [
      {
        title: 'plinth for Python',
        command: ['python3', '-B', '-m', 'unittest', 'discover', '-s', 'sdk/python', '-t', 'sdk/python'],
      },
    ],
  },
  examples: {
    kind: 'commands',
    commands: [
      {
        title: 'flights',
        command: [
          ...['node', 'tests/client-python.ts', '-B', '-m', 'unittest', 'discover'],
          ...['-s', 'examples/flights', '-t', 'examples/flights'],
        ],
      },
    ],
  },
  images: { kind: 'jest', project: 'images', startsServers: true, changesHost: true },
  'lab/netpol': {
    kind: 'go',
    module: 'lab/netpol',
    debianPackages: ['nftables', 'iproute2'],
    startsServers: true,
    changesHost: true,
  },
  'lab/provider': { kind: 'go', module: 'lab/provider', debianPackages: [] },
  cluster: { kind: 'jest', project: 'cluster', startsServers: true, changesHost: true },
  lab: {
    kind: 'lab',
    lanes: [
      // They would wait for each other: all need the server of scientist-a.
      ['flow', 'notebooks', 'team-images', 'portal'],
      // What happens to models, and to what serves them.
      [
        ...['promotion', 'portal-decisions', 'retrain', 'promote', 'serving', 'tracking', 'keys'],
        ...['airflow-tokens', 'network', 'rotation'],
      ],
      // Spark beside that of flights, who may sign in to what, and what else takes the server of scientist-b.
      ['identity', 'notebook-spark', 'pipelines', 'spark', 'outliers', 'sso', 'teams-tracking'],
    ],
    // They look at all that runs, or end it.
    last: ['monitoring', 'dashboards', 'survival', 'again', 'lifecycle'],
    startsServers: true,
  },
};

/**
 * How `make test` runs them: lanes side by side, because the lab waits more than it computes and most other stages keep
 * one core busy; in a lane one stage after the other, quick ones first.
 */
export const lanes: readonly (readonly string[])[] = [
  ['check', 'unit', 'services', 'sdk', 'examples', 'lab/provider', 'cluster', 'lab/netpol', 'images'],
  ['lab'],
];
