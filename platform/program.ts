import { applyStack } from './apply.ts';

/** What Pulumi.yaml runs: the environment that the stack is named after. */
export default () => applyStack();
