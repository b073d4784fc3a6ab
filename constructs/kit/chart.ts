import { Chart } from 'cdk8s';
import type { Construct, IDependable } from 'constructs';

/** A namespace that components are put in; charts in it are applied after it. */
export interface Home extends IDependable {
  readonly name: string;
}

/** A home in which a component makes data at run time: volumes that are in no tree. */
export interface DataHome extends Home {
  /** The namespace is then kept with them, and `confirmDataLoss` calls them `<namespace>/<data>`. */
  holdsData(data: string): void;
}

export interface ComponentChartProps {
  readonly home: Home;
}

/** The objects of one component, in one namespace and one file. */
export class ComponentChart extends Chart {
  readonly home: Home;

  constructor(scope: Construct, id: string, props: ComponentChartProps) {
    super(scope, id, {
      namespace: props.home.name,
      labels: { 'app.kubernetes.io/managed-by': 'plinth' },
      disableResourceNameHashes: true,
    });
    this.home = props.home;
    this.node.addDependency(props.home);
  }
}

/** Definitions of custom kinds: cluster-scoped, applied before any object of theirs. */
export class DefinitionsChart extends Chart {
  constructor(scope: Construct, id: string) {
    super(scope, id, { disableResourceNameHashes: true });
  }
}

/** Where an environment's cluster gets images and volumes from. */
export interface ClusterChoices {
  /** Where pods pull from; unset, images are those the lab put on the node. */
  readonly imageRegistry?: string | undefined;
  /** Secret for that registry, in the namespace of every pod. */
  readonly imagePullSecret?: string | undefined;
  /** Unset: the cluster's default. */
  readonly storageClass?: string | undefined;
}

const choicesContext = 'plinth:cluster';

/** Holds for everything of a tree that is made afterwards. */
export const setClusterChoices = (root: Construct, choices: ClusterChoices): void =>
  root.node.setContext(choicesContext, choices);

export const clusterChoices = (construct: Construct): ClusterChoices =>
  (construct.node.tryGetContext(choicesContext) as ClusterChoices | undefined) ?? {};

export const imageRegistry = (construct: Construct): string | undefined =>
  clusterChoices(construct).imageRegistry;
