import { Chart } from 'cdk8s';
import type { Construct, IDependable } from 'constructs';

/** A namespace that components are put in; charts in it are applied after it. */
export interface Home extends IDependable {
  readonly name: string;
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

const registryContext = 'plinth:imageRegistry';

/** Where pods of this tree pull from; unset, images are those the lab put on the node. */
export const setImageRegistry = (root: Construct, registry: string | undefined): void => {
  if (registry !== undefined) root.node.setContext(registryContext, registry);
};

export const imageRegistry = (construct: Construct): string | undefined =>
  construct.node.tryGetContext(registryContext) as string | undefined;
