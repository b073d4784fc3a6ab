const swc = [
  '@swc/jest',
  { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
];

const project = (displayName, folders, more = {}) => ({
  displayName,
  rootDir: import.meta.dirname,
  // Jest reads every folder below its roots first: a running lab's images in .lab must not be among them.
  roots: folders.map((folder) => `<rootDir>/${folder}`),
  testEnvironment: 'node',
  testMatch: folders.map((folder) => `<rootDir>/${folder}/**/*.test.ts`),
  transform: { '\\.ts$': swc },
  extensionsToTreatAsEsm: [],
  ...more,
});

/** One project per stage of tests/run.ts; each runs alone by `jest --selectProjects <name>`. */
export default {
  // A busy machine is no mistake of what is tested; what has a bound of its own says so.
  testTimeout: 120_000,
  projects: [
    project('unit', ['tests/unit', 'tests/types']),
    project('images', ['tests/images'], { globalTeardown: '<rootDir>/tests/images/teardown.ts' }),
    project('cluster', ['tests/cluster']),
    project('lab', ['tests/lab'], {
      globalSetup: '<rootDir>/tests/lab/setup.ts',
      globalTeardown: '<rootDir>/tests/lab/teardown.ts',
    }),
  ],
};
