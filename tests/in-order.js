import TestSequencer from '@jest/test-sequencer';

/** Runs files in the order in which they were named. */
export default class InOrder extends TestSequencer {
  sort(tests) {
    const place = ({ path }) => process.argv.indexOf(path);
    return [...tests].sort((a, b) => place(a) - place(b));
  }
}
