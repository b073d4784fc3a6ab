import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { shortHash } from './names.ts';

export interface ConfigFilesProps {
  readonly name: string;
  /** File name to content. */
  readonly files: Readonly<Record<string, string>>;
}

/** Files given to pods as they are; pods that mount them roll when a content changes. */
export class ConfigFiles {
  readonly name: string;
  readonly hash: string;

  constructor(scope: Construct, id: string, props: ConfigFilesProps) {
    this.name = props.name;
    this.hash = shortHash(props.files);
    new k8s.KubeConfigMap(scope, id, { metadata: { name: props.name }, data: { ...props.files } });
  }
}
