import { Provider } from '@pulumi/kubernetes/provider.js';
import * as pulumi from '@pulumi/pulumi';
import type { ApiObject, App } from 'cdk8s';
import type { SecretValue } from '../../constructs/contracts/index.ts';
import { checkTree } from '../checks/index.ts';
import { type SynthesizedChart, synthesize } from '../synthesis/index.ts';
import { Authority } from './authority.ts';
import { type DataRecord, planData } from './data.ts';
import { type Generations, planGenerations } from './generations.ts';
import { applyOrder, type Step } from './graph.ts';
import { type Manifest, objectName, resourceType } from './manifest.ts';
import { SecretResolver } from './secrets.ts';

/** How the cluster is reached: settings of the stack, never what happens to be current on the machine. */
export interface ClusterProps {
  readonly context: string;
  /** Path of a kubeconfig; unset: `KUBECONFIG`, else ~/.kube/config. */
  readonly kubeconfig?: string;
  /** False where nothing will ever become ready, such as a control plane without nodes. */
  readonly await: boolean;
}

/** What an update leaves for the next one, in the stack's outputs. */
export interface Recorded {
  readonly data: readonly DataRecord[];
  readonly generations: Generations;
}

/** What the environment says besides the tree that was composed of it. */
export interface EnvironmentProps {
  readonly name: string;
  /** Where to change it, for whoever is refused. */
  readonly file: string;
  readonly confirmDataLoss: readonly string[];
  /** Of every credential that it uses. */
  readonly generations: Generations;
}

export interface BridgeProps {
  /** The finished tree. */
  readonly app: App;
  readonly environment: EnvironmentProps;
  readonly cluster: ClusterProps;
  readonly config: pulumi.Config;
  readonly previous: Recorded;
  /** Sign-ins to be told as a secret output, by component: username, password and so on. */
  readonly credentials: Readonly<Record<string, Readonly<Record<string, SecretValue>>>>;
  readonly now: Date;
}

export interface Bridged extends Recorded {
  /** The authority's certificate, PEM. */
  readonly ca: pulumi.Output<string>;
  readonly credentials: pulumi.Output<Record<string, Record<string, string>>>;
}

/** One component of a fixed type per chart: moving an object to another chart doesn't change its identity. */
class ChartComponent extends pulumi.ComponentResource {
  constructor(path: string) {
    super('plinth:platform:Chart', path);
    this.registerOutputs({});
  }
}

class KubernetesObject extends pulumi.CustomResource {}

const skipAwait = 'pulumi.com/skipAwait';

const withoutWaiting = (manifest: Manifest): Manifest => ({
  ...manifest,
  metadata: {
    ...manifest.metadata,
    annotations: { ...manifest.metadata.annotations, [skipAwait]: 'true' },
  },
});

/** Fails before anything is registered when what is asked for can't be done, with every reason at once. */
const refuse = (reasons: readonly string[]): void => {
  if (reasons.length > 0)
    throw new pulumi.RunError(
      `refused, nothing was applied:\n${reasons.map((each) => `  ${each}`).join('\n')}`,
    );
};

class Bridge {
  readonly #provider: Provider;
  readonly #charts = new Map<string, ChartComponent>();
  readonly #made = new Map<Step, pulumi.Resource>();

  constructor({ context, kubeconfig, ...cluster }: ClusterProps) {
    const settings = {
      context,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      enableServerSideApply: true,
      // Without it, repairing what somebody edited by hand fails on a conflict of field managers.
      enablePatchForce: true,
      // Their names are fixed, so a change must not replace them.
      enableConfigMapMutable: true,
      enableSecretMutable: true,
      // No upsertExistingObjects: what somebody else made is refused, and not taken from them. Who means it says so
      // for one run, with PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true: after an update that was killed, or to take up
      // volumes that outlived their stack.
    };
    // A setting of the lab's stand-in, which the official provider doesn't have.
    const withoutWait: pulumi.ResourceTransformation = ({ props, opts }) => ({
      props: { ...props, skipAwait: 'true' },
      opts,
    });
    this.#provider = new Provider(
      'cluster',
      settings,
      cluster.await ? {} : { transformations: [withoutWait] },
    );
  }

  /** An object may be applied otherwise than the tree has it: as `manifest` says. */
  add(step: Step, options: pulumi.CustomResourceOptions, secrets: SecretResolver, manifest?: Manifest): void {
    this.#made.set(step, this.#resource(step, options, secrets, manifest));
  }

  #resource(
    step: Step,
    options: pulumi.CustomResourceOptions,
    secrets: SecretResolver,
    manifest?: Manifest,
  ): pulumi.Resource {
    const dependsOn = [...step.needs].flatMap((need) => this.#made.get(need) ?? []);
    switch (step.kind) {
      case 'object':
        return this.object(secrets.trusting(manifest ?? step.manifest), step.chart, {
          ...options,
          dependsOn,
        });
      case 'secret': {
        const { chart, secret } = step;
        const name = `${secret.namespace}/${secret.name}`;
        return new KubernetesObject('kubernetes:core/v1:Secret', name, secrets.manifest(secret), {
          ...this.#common(chart),
          additionalSecretOutputs: ['data', 'stringData'],
          dependsOn,
        });
      }
      case 'barrier':
        return new pulumi.Stash(step.path, { input: '' }, { dependsOn });
      default:
        return step satisfies never;
    }
  }

  object(manifest: Manifest, chart: string, options: pulumi.CustomResourceOptions): pulumi.Resource {
    // A claim is bound only when a pod uses it, and the pod comes after it.
    const waits = manifest.kind !== 'PersistentVolumeClaim';
    return new KubernetesObject(
      resourceType(manifest),
      objectName(manifest),
      waits ? manifest : withoutWaiting(manifest),
      { ...this.#common(chart), ...options },
    );
  }

  #common(chart: string): pulumi.CustomResourceOptions {
    const parent = this.#charts.get(chart) ?? new ChartComponent(chart);
    this.#charts.set(chart, parent);
    // Every object has a name of its own, so the new one can't be made beside the old one.
    return { parent, provider: this.#provider, deleteBeforeReplace: true };
  }
}

/** The objects exactly as synthesis writes them to files. */
const rendered = (charts: readonly SynthesizedChart[]): ((object: ApiObject) => Manifest) => {
  const manifests = new Map(
    charts.flatMap(({ objects }) => objects.map(({ path, manifest }) => [path, manifest])),
  );
  return (object) => {
    const manifest = manifests.get(object.node.path);
    if (manifest === undefined) throw new Error(`${object.node.path} is in no chart`);
    return manifest;
  };
};

/** Applies a finished tree. Throws, with nothing registered, when the update would lose data or lacks a setting. */
export const bridge = (props: BridgeProps): Bridged => {
  const { app, environment, config } = props;
  const charts = synthesize(app);
  const steps = applyOrder(app, rendered(charts));
  const plan = planData({
    steps,
    previous: props.previous.data,
    confirmed: environment.confirmDataLoss,
    file: environment.file,
  });
  const rotation = planGenerations({
    current: environment.generations,
    previous: props.previous.generations,
    file: environment.file,
  });
  refuse([...plan.refusals, ...rotation.refusals, ...checkTree(app, charts)]);
  const authority = new Authority({
    environment: environment.name,
    generation: config.getNumber('authorityGeneration') ?? 1,
    now: props.now,
  });
  const secrets = new SecretResolver({ config, authority });
  const values = steps.flatMap((step) => (step.kind === 'secret' ? Object.values(step.secret.values) : []));
  refuse(
    secrets
      .missing(values)
      .map(
        (name) => `the stack lacks plinth:${name}; set it with: pulumi config set --secret plinth:${name}`,
      ),
  );
  for (const note of plan.notes) void pulumi.log.warn(note);

  const target = new Bridge(props.cluster);
  const identity = ({ kind, metadata }: Manifest): string =>
    `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
  const records = new Map(plan.records.map((record) => [identity(record.manifest), record]));
  const kept = new Set(plan.kept.map(({ manifest }) => identity(manifest)));
  const protection = (manifest: Manifest): pulumi.CustomResourceOptions => {
    const record = records.get(identity(manifest));
    return record === undefined ? {} : { protect: !record.lifted, retainOnDelete: !record.lifted };
  };
  const namespaces = new Map<string, pulumi.Resource>();
  for (const { manifest, chart } of plan.kept) {
    const namespace = namespaces.get(manifest.metadata.namespace ?? '');
    const dependsOn = namespace === undefined ? [] : [namespace];
    const resource = target.object(manifest, chart, { ...protection(manifest), dependsOn });
    if (manifest.kind === 'Namespace') namespaces.set(manifest.metadata.name, resource);
  }
  for (const step of steps) {
    if (step.kind !== 'object') {
      target.add(step, {}, secrets);
      continue;
    }
    const key = identity(step.manifest);
    // A namespace says what was made in it also when nothing makes it any more.
    if (!kept.has(key)) target.add(step, protection(step.manifest), secrets, records.get(key)?.manifest);
  }
  const credentials = Object.fromEntries(
    Object.entries(props.credentials).map(([name, fields]) => [name, secrets.resolve(fields)]),
  );
  return {
    ca: authority.certificate,
    credentials: pulumi.secret(pulumi.all(credentials)),
    data: plan.records,
    generations: rotation.records,
  };
};
