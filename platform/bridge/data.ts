import { runTimeData, runTimeDataAnnotation } from '../../constructs/contracts/index.ts';
import { defaultDeny } from '../../constructs/kit/index.ts';
import type { Step } from './graph.ts';
import { type Manifest, objectName } from './manifest.ts';

/** A volume claim, or a namespace that holds one, as the last update left it: the stack's output `data`. */
export interface DataRecord {
  readonly manifest: Manifest;
  /** The chart that declared it. */
  readonly chart: string;
  /** Its protection was lifted: the next update may remove it. */
  readonly lifted: boolean;
  /** Of a namespace: data made in it at run time, such as `homes`, whose protection was lifted. */
  readonly liftedData?: readonly string[];
}

export interface DataPlanProps {
  readonly steps: readonly Step[];
  readonly previous: readonly DataRecord[];
  /** The environment's `confirmDataLoss`: claims as `namespace/name`, what is made at run time as `namespace/data`. */
  readonly confirmed: readonly string[];
  /** Where the environment is written, for messages. */
  readonly file: string;
}

/** What an update does with data. Nothing may be applied when there is a refusal. */
export interface DataPlan {
  /** Every claim and namespace with data after this update, as applied; the next one reads it. */
  readonly records: readonly DataRecord[];
  /**
   * Of those, the ones that the tree no longer declares, or declares otherwise: applied as they were. A namespace that it
   * no longer declares stays closed.
   */
  readonly kept: readonly DataRecord[];
  readonly refusals: readonly string[];
  readonly notes: readonly string[];
}

const isNamespace = ({ kind }: Manifest): boolean => kind === 'Namespace';
const annotated = (manifest: Manifest, data: readonly string[]): Manifest => ({
  ...manifest,
  metadata: {
    ...manifest.metadata,
    annotations: { ...manifest.metadata.annotations, [runTimeDataAnnotation]: data.join(',') },
  },
});
/** The policy that a namespace had while it was declared: pods that outlive its other policies may connect to nothing. */
const closed = (namespace: string): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: defaultDeny.name, namespace, labels: { 'app.kubernetes.io/managed-by': 'plinth' } },
  spec: defaultDeny.spec,
});
/** What becomes of data made at run time whose namespace the tree no longer has. */
const fateOf = (goes: boolean, lifted: boolean, file: string): string => {
  if (goes) return `removed with its namespace, as confirmDataLoss in ${file} says`;
  if (lifted)
    return 'its protection is lifted; the next update removes it with its namespace, unless that holds other data';
  return 'its namespace is no longer declared; it is kept, with what was made in it';
};
const isClaim = ({ kind }: Manifest): boolean => kind === 'PersistentVolumeClaim';
/** A chart with any of these is a component in use; one that only prepares an external server isn't. */
const working = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'PersistentVolumeClaim']);
const runs = ({ kind }: Manifest): boolean => working.has(kind);
const keyOf = (manifest: Manifest): string => `${manifest.kind} ${objectName(manifest)}`;

interface ClaimSpec {
  readonly resources?: { readonly requests?: { readonly storage?: string } };
  readonly [field: string]: unknown;
}
const claimSpec = (manifest: Manifest): ClaimSpec => (manifest['spec'] ?? {}) as ClaimSpec;

/** Kubernetes lets a claim change its size and its attributes class; any other change makes a new, empty one. */
const fixedSpec = (manifest: Manifest): string => {
  const { resources: _, volumeAttributesClassName: __, ...fixed } = claimSpec(manifest);
  return JSON.stringify(Object.entries(fixed).sort(([a], [b]) => (a < b ? -1 : 1)));
};

const gibibytes = (manifest: Manifest): number =>
  Number.parseInt(claimSpec(manifest).resources?.requests?.storage ?? '0', 10);

/**
 * Compares the volumes that a tree declares with those that the last update left. A claim whose chart runs
 * nothing any more was switched off: it is kept, with its namespace. A claim that a running chart no longer
 * declares, or declares as another one, is refused, unless `confirmDataLoss` names it: the first update then lifts the protection and
 * leaves the data, the next removes them. Data that is made at run time stays as long as its namespace, which goes only when
 * everything in it was so named.
 */
export const planData = ({ steps, previous, confirmed, file }: DataPlanProps): DataPlan => {
  const objects = steps.flatMap((step) => (step.kind === 'object' ? [step] : []));
  const running = new Set(objects.flatMap(({ chart, manifest }) => (runs(manifest) ? [chart] : [])));
  const declared = new Map(objects.map((step) => [keyOf(step.manifest), step]));
  const before = new Map(previous.map((record) => [keyOf(record.manifest), record]));
  const confirmation = new Set(confirmed);
  const refusals: string[] = [];
  const notes: string[] = [];
  const claims: DataRecord[] = [];
  const kept: DataRecord[] = [];

  const keep = (record: DataRecord): void => {
    claims.push(record);
    kept.push(record);
  };
  const knob = (name: string): string =>
    `to lose it, put '${name}' into confirmDataLoss in ${file}, update once with the claim as it was, then again without it`;

  for (const { manifest, chart } of objects) {
    if (!isClaim(manifest)) continue;
    const name = objectName(manifest);
    const old = before.get(keyOf(manifest));
    const lifted = confirmation.has(name);
    const record = { manifest, chart, lifted };
    if (old === undefined || fixedSpec(old.manifest) === fixedSpec(manifest)) {
      if (old !== undefined && gibibytes(manifest) < gibibytes(old.manifest))
        refusals.push(
          `${name}: a volume can't shrink, got ${gibibytes(manifest)} GiB, ` +
            `expected at least ${gibibytes(old.manifest)} GiB; raise its size in ${file}`,
        );
      claims.push(record);
    } else if (lifted && old.lifted) {
      notes.push(`${name}: replaced by an empty volume, as confirmDataLoss in ${file} says`);
      claims.push(record);
    } else if (lifted) {
      notes.push(`${name}: its protection is lifted; the next update replaces it by an empty volume`);
      keep({ ...old, lifted });
    } else {
      refusals.push(
        `${name}: this update would replace the volume by an empty one, because fields that can't change differ: ` +
          `got ${fixedSpec(manifest)}, expected ${fixedSpec(old.manifest)}; ${knob(name)}`,
      );
    }
  }

  for (const old of previous) {
    const name = objectName(old.manifest);
    if (!isClaim(old.manifest) || declared.has(keyOf(old.manifest))) continue;
    const lifted = confirmation.has(name);
    if (lifted && old.lifted) {
      notes.push(`${name}: removed with its data, as confirmDataLoss in ${file} says`);
    } else if (lifted) {
      notes.push(`${name}: its protection is lifted; the next update removes it and its data`);
      keep({ ...old, lifted });
    } else if (running.has(old.chart)) {
      refusals.push(
        `${name}: this update would delete the volume and its data: ${old.chart} still runs, but declares no ` +
          `such claim; give it back its name, or, ${knob(name)}`,
      );
    } else {
      notes.push(`${name}: its component is switched off; the volume is kept for when it comes back`);
      keep({ ...old, lifted });
    }
  }

  const namespaces: DataRecord[] = [];
  const runTime = new Map<string, readonly string[]>();
  for (const { manifest } of [...objects, ...previous]) {
    const data = isNamespace(manifest) ? runTimeData(manifest.metadata) : [];
    const { name } = manifest.metadata;
    // Where nothing makes such data any more, it is there still.
    if (data.length > 0) runTime.set(name, [...new Set([...(runTime.get(name) ?? []), ...data])].sort());
  }
  const inUse = claims.map(({ manifest }) => manifest.metadata.namespace ?? '');
  for (const name of new Set([...inUse, ...runTime.keys()])) {
    const key = `Namespace ${name}`;
    const old = before.get(key);
    const found = declared.get(key) ?? old;
    if (found === undefined) continue;
    const data = runTime.get(name) ?? [];
    const liftedData = data.filter((each) => confirmation.has(`${name}/${each}`));
    if (!declared.has(key)) {
      const goes =
        !inUse.includes(name) &&
        liftedData.length === data.length &&
        data.every((each) => old?.liftedData?.includes(each));
      for (const each of data)
        notes.push(`${name}/${each}: ${fateOf(goes, liftedData.includes(each), file)}`);
      if (goes) continue;
    }
    // A namespace takes everything in it along: its protection goes only when that of all its data has gone.
    const lifted =
      liftedData.length === data.length &&
      claims.every((each) => each.lifted || each.manifest.metadata.namespace !== name);
    const record = {
      manifest: data.length === 0 ? found.manifest : annotated(found.manifest, data),
      chart: found.chart,
      lifted,
      ...(data.length === 0 ? {} : { liftedData }),
    };
    namespaces.push(record);
    if (declared.has(key)) continue;
    kept.unshift(record);
    kept.push({ manifest: closed(name), chart: found.chart, lifted });
  }

  const known = new Set([
    ...[...claims, ...previous].map(({ manifest }) => objectName(manifest)),
    ...[...runTime].flatMap(([name, data]) => data.map((each) => `${name}/${each}`)),
  ]);
  for (const name of confirmed)
    if (!known.has(name)) notes.push(`${name}: no such volume; take it out of confirmDataLoss in ${file}`);
  return { records: [...namespaces, ...claims], kept, refusals, notes };
};
