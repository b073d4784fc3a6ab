import type { ApiObject, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { customObject } from '../kit/index.ts';
import type { Spark } from './index.ts';

/** A Python file where every pod finds it: in a bucket of the team's, or in the image. */
export type MainFile =
  | { readonly kind: 'bucket'; readonly bucket: string; readonly key: string }
  | { readonly kind: 'image'; readonly path: string };

export interface SparkBatchProps {
  readonly runtime: Spark;
  /** The team in whose namespace it runs. */
  readonly team: string;
  readonly name: string;
  readonly main: MainFile;
  readonly arguments?: readonly string[];
  readonly executors: ExecutorsProps;
  /** Settings of Spark's own, e.g. `spark.sql.shuffle.partitions`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface ExecutorsProps {
  readonly count: number;
  readonly cores: number;
  /** Of each one's heap; Python and buffers get two fifths more. */
  readonly memory: Size;
}

/**
 * A SparkApplication that is part of a platform, run once each time it changes. Pipelines make theirs with
 * `plinth.spark_application()`, which fills in the same template.
 */
export class SparkBatch extends Construct {
  readonly application: ApiObject;

  constructor(scope: Construct, id: string, props: SparkBatchProps) {
    super(scope, id);
    const { runtime, main, executors } = props;
    const { namespace, spec, executorCoreMillis } = runtime.application(props.team);
    const cpu = Cpu.millis(executorCoreMillis * executors.cores);
    this.application = customObject(
      this,
      'Application',
      { apiVersion: 'sparkoperator.k8s.io/v1beta2', kind: 'SparkApplication' },
      {
        metadata: { name: props.name, namespace, labels: { team: props.team } },
        spec: {
          ...spec,
          mainApplicationFile:
            main.kind === 'bucket' ? `s3a://${main.bucket}/${main.key}` : `local://${main.path}`,
          arguments: [...(props.arguments ?? [])],
          sparkConf: { ...spec.sparkConf, ...props.settings },
          executor: {
            ...spec.executor,
            instances: executors.count,
            cores: executors.cores,
            coreRequest: cpu.amount,
            memory: `${executors.memory.toMebibytes()}m`,
          },
        },
      },
    );
  }
}
