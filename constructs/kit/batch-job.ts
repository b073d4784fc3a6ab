import type { Duration } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { reference } from '../catalogue/index.ts';
import { shortHash } from './names.ts';
import type { ContainerProps } from './pod.ts';
import type { Pods } from './pods.ts';

export interface BatchJobProps {
  readonly pods: Pods;
  readonly container: ContainerProps;
  /** Run before it, one after the other. */
  readonly before?: readonly ContainerProps[];
  /** Gives up after this; the update that waits for it then fails with the pod's last lines. */
  readonly deadline: Duration;
  /** What else the work depends on, such as a credential's generation: a change runs it again. */
  readonly runsAgainWith?: unknown;
  /** False for work that an update starts and doesn't wait for. */
  readonly waitedFor?: boolean;
}

/** Pulumi's own. */
export const notWaitedFor = 'pulumi.com/skipAwait';
/** Pulumi's own: a Job that failed is made anew by the next update, which would wait in vain for the old one else. */
const madeAnewAfterFailure = 'pulumi.com/replaceUnready';

/**
 * Work that must be done before something else starts. A Job can't be changed, so its name carries a hash of
 * what it does: other work is another Job, the same work isn't run twice.
 */
export class BatchJob extends Construct {
  readonly job: k8s.KubeJob;

  constructor(scope: Construct, id: string, props: BatchJobProps) {
    super(scope, id);
    const { pods, container, before = [] } = props;
    const files = (container.mounts ?? []).flatMap(({ from }) =>
      from.kind === 'files' ? [from.files.hash] : [],
    );
    const { image, mounts: _, ...work } = container;
    const earlier = before.map((each) => [reference(each.image), each.command]);
    const hash = shortHash([
      reference(image),
      work,
      files,
      props.runsAgainWith,
      ...(earlier.length === 0 ? [] : [earlier]),
    ]);
    this.job = new k8s.KubeJob(this, 'Job', {
      metadata: {
        name: `${pods.name}-${hash}`,
        labels: { ...pods.labels },
        annotations: {
          [madeAnewAfterFailure]: 'true',
          ...(props.waitedFor === false ? { [notWaitedFor]: 'true' } : {}),
        },
      },
      spec: {
        backoffLimit: 6,
        activeDeadlineSeconds: props.deadline.toSeconds(),
        template: pods.template([container], { restartPolicy: 'Never' }, before),
      },
    });
    pods.runBy(this.job);
  }
}
