import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { ComponentChart, DataVolume, Pods } from '../kit/index.ts';
import { component, homesData, notebookName, sharedClaim, type TeamNotebooks } from './settings.ts';

const apiGroup = 'rbac.authorization.k8s.io';
const name = 'plinth-hub';

/**
 * What notebooks need in a team's namespace before the hub starts the first one: the paths of their pods, what the hub
 * may do there, and the volume that the team shares.
 */
export class TeamNotebooksChart extends ComponentChart {
  /** The servers of all members: no workload runs them, the hub makes them one by one. */
  readonly pods: Pods;

  constructor(
    scope: Construct,
    notebooks: TeamNotebooks,
    hub: { readonly name: string; readonly namespace: string },
  ) {
    const { team, registry, shared } = notebooks;
    super(scope, `jupyterhub-${team.namespace}`, { home: team.home });
    team.home.holdsData(homesData);
    this.pods = new Pods(this, 'Pods', { name: notebookName, component });
    new k8s.KubeRole(this, 'Role', {
      metadata: { name },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch', 'create', 'delete'] },
        { apiGroups: [''], resources: ['events'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['get', 'create'] },
        // Which images the team has.
        ...(registry === undefined ? [] : [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }]),
      ],
    });
    new k8s.KubeRoleBinding(this, 'RoleBinding', {
      metadata: { name },
      roleRef: { apiGroup, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name: hub.name, namespace: hub.namespace }],
    });
    if (shared !== undefined)
      new DataVolume(this, 'Shared', {
        name: sharedClaim,
        size: shared.size,
        shared: shared.acrossNodes,
      });
  }
}
