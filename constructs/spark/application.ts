import type { Duration } from 'cdk8s';
import type { Cpu } from 'cdk8s-plus-27';
import { image, reference } from '../catalogue/index.ts';
import type { CustomKinds } from '../imports/kinds.d.ts';
import type { Json } from './templates.ts';

type Application = CustomKinds['sparkoperator.k8s.io/v1beta2']['SparkApplication'];
export type ApplicationSpec = NonNullable<Application['spec']>;

export interface ApplicationProps {
  readonly registry: string | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly driver: { readonly template: Json; readonly cpu: Cpu; readonly serviceAccount: string };
  readonly executor: { readonly template: Json; readonly cpu: Cpu };
  readonly keptFor: Duration;
}

/** A Python application on one executor; what runs, and on how much, is filled in by who submits it. */
export const applicationSpec = (props: ApplicationProps): ApplicationSpec => ({
  type: 'Python',
  pythonVersion: '3',
  mode: 'cluster',
  sparkVersion: image('spark').version,
  image: reference(image('spark'), props.registry),
  imagePullPolicy: 'IfNotPresent',
  mainApplicationFile: '',
  // Who wants it again submits it again, under another name: pipelines know why something failed.
  restartPolicy: { type: 'Never' },
  timeToLiveSeconds: props.keptFor.toSeconds(),
  sparkConf: { ...props.settings },
  driver: {
    cores: 1,
    coreRequest: props.driver.cpu.amount,
    memory: '512m',
    serviceAccount: props.driver.serviceAccount,
    template: props.driver.template,
  },
  executor: {
    instances: 1,
    cores: 1,
    coreRequest: props.executor.cpu.amount,
    memory: '1024m',
    template: props.executor.template,
  },
});
