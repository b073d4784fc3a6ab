import { type BucketGrantProps, derived, joined, type SecretValue } from '../contracts/index.ts';

export type Mode = 'read' | 'readWrite';

interface Owner {
  readonly name: string;
  readonly generation: number;
  readonly buckets: Map<string, Mode>;
}

/** A generation of an owner's key that is no longer valid, nor are those before it. */
export interface Withdrawal {
  readonly user: string;
  readonly generation: number;
}

export const accessKey = (owner: string, generation: number): SecretValue =>
  derived({ owner, role: 'object-store', key: 'accessKeyId', generation }, 'accessKey');

export const secretKey = (owner: string, generation: number): SecretValue =>
  derived({ owner, role: 'object-store', key: 'secretAccessKey', generation });

/** Whose key may do what with which bucket, as the grants came in. An owner has one key for all its buckets. */
export class Owners {
  readonly #owners = new Map<string, Owner>();

  add(bucket: string, mode: Mode, grant: BucketGrantProps): void {
    const { owner, generation } = grant;
    const known = this.#owners.get(owner) ?? { name: owner, generation, buckets: new Map() };
    if (known.generation !== generation)
      throw new Error(
        `bucket ${bucket}: got generation ${generation} of the key of ${owner}, another grant has ${known.generation}; an owner has one key`,
      );
    const held = known.buckets.get(bucket) ?? mode;
    if (held !== mode)
      throw new Error(
        `bucket ${bucket}: got a '${mode}' grant for ${owner}, who holds it as '${held}'; give the second workload an owner of its own`,
      );
    known.buckets.set(bucket, mode);
    this.#owners.set(owner, known);
  }

  generation(owner: string): number {
    const found = this.#owners.get(owner);
    if (found === undefined) throw new Error(`${owner} has no key: it was granted no bucket`);
    return found.generation;
  }

  /** What is withdrawn once the current generations are in use. */
  get withdrawn(): readonly Withdrawal[] {
    return this.#sorted
      .filter(({ generation }) => generation > 1)
      .map(({ name, generation }) => ({ user: name, generation: generation - 1 }));
  }

  /** Buckets, owners and their keys as JSON: the current generation and the one before, until it is withdrawn. */
  get declaration(): SecretValue {
    const owners = this.#sorted;
    const buckets = [...new Set(owners.flatMap((owner) => [...owner.buckets.keys()]))].sort();
    const parts = owners.flatMap((owner, index) => [index === 0 ? '' : ',', ...userJson(owner)]);
    return joined(`{"buckets":${JSON.stringify(buckets)},"users":[`, ...parts, ']}');
  }

  /** By name, so that the order of grants changes nothing. */
  get #sorted(): readonly Owner[] {
    return [...this.#owners.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

// Keys consist of letters, digits, '-' and '_': nothing that JSON escapes.
const userJson = ({ name, generation, buckets }: Owner): readonly (string | SecretValue)[] => {
  const sorted = Object.fromEntries([...buckets.entries()].sort(([a], [b]) => (a < b ? -1 : 1)));
  const generations = generation > 1 ? [generation, generation - 1] : [generation];
  const keys = generations.flatMap((each, index) => [
    `${index === 0 ? '' : ','}{"generation":${each},"accessKey":"`,
    accessKey(name, each),
    '","secretKey":"',
    secretKey(name, each),
    '"}',
  ]);
  return [`{"user":${JSON.stringify(name)},"buckets":${JSON.stringify(sorted)},"keys":[`, ...keys, ']}'];
};
