import { removeUnpacked } from './container.ts';

/** What the tests unpacked is theirs alone. */
export default (): void => removeUnpacked();
