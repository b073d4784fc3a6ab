import type { Size } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { type Construct, Dependable } from 'constructs';
import { clusterChoices } from './chart.ts';
import { storage } from './size.ts';

export interface DataVolumeProps {
  /** Part of what finds the data again: renaming it loses them. */
  readonly name: string;
  /** Whole GiB. */
  readonly size: Size;
  readonly shared?: boolean;
}

/** A volume with data that outlive every workload: an explicit claim under a stable name, never a template's. */
export class DataVolume {
  readonly name: string;

  constructor(scope: Construct, id: string, props: DataVolumeProps) {
    this.name = props.name;
    const claim = new k8s.KubePersistentVolumeClaim(scope, id, {
      metadata: { name: props.name, labels: { 'plinth.dev/data': 'kept' } },
      spec: {
        accessModes: [props.shared ? 'ReadWriteMany' : 'ReadWriteOnce'],
        resources: { requests: { storage: storage(props.size) } },
        storageClassName: clusterChoices(scope).storageClass,
      },
    });
    Dependable.implement(this, { dependencyRoots: [claim] });
  }
}
