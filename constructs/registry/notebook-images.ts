import { readFileSync } from 'node:fs';
import { Duration, Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image, reference } from '../catalogue/index.ts';
import {
  type BucketAccess,
  connect,
  type Endpoint,
  notebookImageLabel,
  type RegistryAccess,
  storageEnv,
  type TeamSpace,
  value,
} from '../contracts/index.ts';
import {
  BatchJob,
  ComponentChart,
  ConfigFiles,
  type ContainerProps,
  type Home,
  type Mount,
  Pods,
  role,
  shortHash,
} from '../kit/index.ts';

export interface TeamImage {
  /** By which people choose it. */
  readonly name: string;
  /** Lines `name==version --hash=sha256:...`; nothing else is installed. */
  readonly requirements: readonly string[];
}

export interface NotebookImagesProps {
  readonly team: TeamSpace & { readonly home: Home };
  readonly images: readonly TeamImage[];
  /** The team's own repositories. */
  readonly registry: RegistryAccess;
  /** Wheels are in it, below `wheels/`. */
  readonly bucket: BucketAccess<'readWrite'>;
  /** What is built is recorded there. */
  readonly kubernetes: Endpoint<'kubernetes'>;
}

const component = 'registry';
/** The notebook image's own user. */
const userId = 1000;
const script = readFileSync(new URL('files/build_image.py', import.meta.url), 'utf8');

/**
 * A team's notebook images, each built by a Job in the team's namespace with the team's own credentials. What came of
 * it is in ConfigMap `image-<name>` there, which the hub reads.
 */
export class NotebookImages extends ComponentChart {
  readonly #props: NotebookImagesProps;

  constructor(scope: Construct, props: NotebookImagesProps) {
    super(scope, `notebook-images-${props.team.namespace}`, { home: props.team.home });
    this.#props = props;
    for (const each of props.images) this.#build(each);
  }

  #build({ name, requirements }: TeamImage): void {
    const { team, registry, bucket, kubernetes } = this.#props;
    const base = reference(image('notebook'), registry.inside);
    const content = shortHash([base, requirements]);
    const own = `image-${name}`;
    const pods = new Pods(this, `Pods-${name}`, { name: own, component, userId, usesKubernetesApi: true });
    connect(pods, kubernetes);
    // The Job adds `digest` and `built`, the content that this is the digest of, or `problem`.
    const record = new k8s.KubeConfigMap(this, `Record-${name}`, {
      metadata: { name: own, labels: { [notebookImageLabel]: name } },
      data: { base, content },
    });
    const rights = role(this, name, {
      name: own,
      namespace: team.namespace,
      rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [own], verbs: ['patch'] }],
    });
    pods.startAfter(record, ...rights);
    const files = new ConfigFiles(this, `Files-${name}`, {
      name: `build-${own}`,
      files: {
        'build_image.py': script,
        'requirements.txt': requirements.map((line) => `${line}\n`).join(''),
      },
    });
    new BatchJob(this, `Build-${name}`, {
      pods,
      deadline: Duration.hours(1),
      // A team's mistake in its requirements is none of the platform's: an update doesn't wait for it.
      waitedFor: false,
      before: [crane],
      container: {
        name: 'build',
        image: image('notebook'),
        command: ['/opt/notebook/bin/python', '/etc/plinth/image/build_image.py'],
        env: {
          ...storageEnv(bucket),
          NAMESPACE: value(team.namespace),
          RECORD: value(own),
          IMAGE_BASE: value(base),
          IMAGE_CONTENT: value(content),
          IMAGE_TARGET: value(`${registry.inside}/${team.name}/${name}:${content}`),
        },
        size: { cpu: Cpu.millis(100), memory: Size.mebibytes(512), memoryLimit: Size.gibibytes(1) },
        mounts: [
          work,
          { path: '/etc/plinth/image', from: { kind: 'files', files }, readOnly: true },
          {
            path: '/etc/plinth/registry',
            from: { kind: 'secret', secret: registry.secret },
            readOnly: true,
          },
        ],
      },
    });
  }
}

/** Wheels, what is unpacked of them, and the layer. */
const work: Mount = {
  path: '/work',
  from: { kind: 'scratch', name: 'work', limit: Size.gibibytes(8) },
};

/** The program that pushes isn't in the notebook image: it is brought along. */
const crane: ContainerProps = {
  name: 'crane',
  image: image('registry'),
  command: ['cp', '/usr/local/bin/crane', '/work/crane'],
  size: { cpu: Cpu.millis(10), memory: Size.mebibytes(64) },
  mounts: [work],
};
