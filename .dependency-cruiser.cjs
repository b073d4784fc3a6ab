// Who may import whom, left to right only:
//   constructs/contracts -> constructs/catalogue, constructs/imports -> constructs/kit -> constructs/<component>
//     -> platform -> environments (types only) -> entry points
// services/ stand alone; lab/ may use platform/, never the other way round; scripts/, tests/ and bench/ may use all.

const foundations = '(?:contracts|catalogue|imports|kit)';
const entryPoints = '^platform/(?:synth\\.ts$|synthesis/cli\\.ts$|program\\.ts$|apply\\.ts$|cli/)';
const repository = '^(?:constructs|platform|environments|lab|scripts|tests|bench|services|sdk|examples)/';

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    rule(
      'contracts-know-nobody',
      'A contract is what two sides agree on, so it knows neither.',
      { path: '^constructs/contracts/' },
      { path: repository, pathNot: '^constructs/contracts/' },
    ),
    rule(
      'catalogue-knows-contracts-only',
      'Versions are data; what runs them comes later.',
      { path: '^constructs/catalogue/' },
      { path: repository, pathNot: '^constructs/(?:catalogue|contracts)/' },
    ),
    rule(
      'kit-knows-no-component',
      'The kit is what every component is made of.',
      { path: '^constructs/kit/' },
      { path: repository, pathNot: `^constructs/${foundations}/` },
    ),
    rule(
      'components-know-no-other',
      'A component takes what it needs as a contract; platform/compose.ts brings two together.',
      { path: `^constructs/(?!${foundations}/)([^/]+)/` },
      { path: '^constructs/', pathNot: [`^constructs/${foundations}/`, '^constructs/$1/'] },
    ),
    rule(
      'constructs-know-no-platform',
      'Constructs can be composed otherwise than here.',
      { path: '^constructs/' },
      { path: repository, pathNot: '^constructs/' },
    ),
    rule(
      'only-composition-knows-components',
      'What else needs to know two components belongs into a contract.',
      { path: '^(?:platform|lab|environments|services)/', pathNot: '^platform/compose(?:\\.ts$|/)' },
      { path: `^constructs/(?!${foundations}/)` },
    ),
    rule(
      'environments-are-data',
      'An environment file chooses, in the words of platform/spec.ts, and runs nothing.',
      { path: '^environments/' },
      { path: repository, pathNot: '^environments/', dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'environments-know-the-spec-only',
      'An environment file names no Kubernetes object and no component.',
      { path: '^environments/' },
      { path: repository, pathNot: ['^environments/', '^platform/spec\\.ts$'] },
    ),
    rule(
      'only-entry-points-know-environments',
      'Everything else is given the environment that it works on.',
      { path: '^(?:constructs|platform|services)/', pathNot: entryPoints },
      { path: '^environments/' },
    ),
    rule(
      'platform-knows-no-lab',
      'The platform runs on clusters that the lab never sees.',
      { path: '^(?:constructs|platform|environments)/' },
      { path: '^(?:lab|scripts|tests|bench)/' },
    ),
    rule(
      'lab-knows-no-tests',
      'The lab is used without them.',
      { path: '^lab/' },
      { path: '^(?:tests|bench)/' },
    ),
    rule(
      'services-stand-alone',
      'A service is built into an image from its own folder.',
      { path: '^services/([^/]+)/' },
      { path: repository, pathNot: '^services/$1/' },
    ),
    rule(
      'synthesis-without-pulumi',
      'Loading Pulumi costs ten times what a bare Node.js does.',
      { path: '^platform/(?:synth\\.ts$|synthesis/|compose\\.ts$)' },
      {
        path: ['node_modules/@pulumi/', '^platform/bridge/', '^platform/(?:program|apply)\\.ts$'],
        reachable: true,
      },
    ),
    rule(
      'no-circle',
      'Files in a circle are loaded half; a circle through a type alone is none at run time.',
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    ),
    rule(
      'nothing-unresolved',
      'An import of what is not there. Services bring packages of their own.',
      { pathNot: '^services/' },
      { couldNotResolve: true },
    ),
  ],
  options: {
    // TypeScript 7 has no interface for tools.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(?:dist|\\.lab|\\.tools)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
