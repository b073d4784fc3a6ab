import { type DataPlan, type DataRecord, planData } from '../../platform/bridge/data.ts';
import type { Step } from '../../platform/bridge/graph.ts';

/** Plans updates of trees that a test declares in its own terms; nothing is confirmed unless it says so. */
export const planner =
  <Declared>(steps: (declared: Declared) => readonly Step[]) =>
  (declared: Declared, previous: readonly DataRecord[] = [], confirmed: readonly string[] = []): DataPlan =>
    planData({ steps: steps(declared), previous, confirmed, file: 'environments/test.ts' });
