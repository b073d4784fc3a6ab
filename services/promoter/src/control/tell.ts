import type { Store } from '../store/store.ts';
import type { Registry } from './ports.ts';

/** Writes outcomes into the registry, where whoever trained the version looks; what can't be told now is told later. */
export const tellOutcomes = async (store: Store, registry: Registry): Promise<void> => {
  for (const { id, team, model, version, outcome, reason, finishedAt } of await store.toTell()) {
    await registry.tag(team, model, version, {
      'plinth.rollout': outcome ?? '',
      'plinth.rollout.reason': reason ?? '',
      'plinth.rollout.finished': finishedAt?.toISOString() ?? '',
    });
    await store.told(id);
  }
};
