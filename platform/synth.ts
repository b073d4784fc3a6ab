import { enableCompileCache } from 'node:module';

// Before anything else is loaded: reading the libraries and stripping types is half of a run's cost otherwise.
enableCompileCache();
const { main } = await import('./synthesis/cli.ts');
process.exitCode = main();
