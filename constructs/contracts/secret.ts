import { Construct } from 'constructs';

/** Where the value of an environment variable comes from. */
export type EnvSource =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'secret'; readonly secret: string; readonly key: string }
  | { readonly kind: 'field'; readonly path: string };

export const value = (text: string): EnvSource => ({ kind: 'value', value: text });
export const field = (path: string): EnvSource => ({ kind: 'field', path });

/**
 * Names a Secret in the consumer's own namespace, by its keys. `env` is a property, not a method, so that the
 * key type is contravariant: a Secret that lacks a key can't stand in for one that has it.
 */
export class SecretRef<Key extends string> {
  readonly namespace: string;
  readonly name: string;
  readonly keys: readonly string[];
  readonly generation: number;
  readonly env: (key: Key) => EnvSource;

  constructor(namespace: string, name: string, keys: readonly Key[], generation = 1) {
    this.namespace = namespace;
    this.name = name;
    this.keys = keys;
    this.generation = generation;
    this.env = (key) => ({ kind: 'secret', secret: name, key });
  }
}

/** Which secret value this is; rotation gives it the next generation. Stable: another identity is another value. */
export interface SecretIdentity {
  /** Whose it is, e.g. `mlflow`. */
  readonly owner: string;
  /** What it opens, e.g. `database`. */
  readonly role: string;
  readonly key: string;
  /** From 1 on. */
  readonly generation: number;
}

/**
 * How a secret value comes about. None is in the construct tree: Pulumi derives them from the stack's root
 * secret while applying.
 */
export type SecretValue =
  /** 32 bytes derived from the root secret. */
  | {
      readonly kind: 'derived';
      readonly identity: SecretIdentity;
      /** `base64url` for passwords and keys, `hex` (64 digits), or `accessKey`: 20 capital letters and digits. */
      readonly format: 'base64url' | 'hex' | 'accessKey';
    }
  /** Text that isn't secret by itself. */
  | { readonly kind: 'text'; readonly text: string }
  /** Values put together, each percent-encoded where it stands in an address. */
  | { readonly kind: 'joined'; readonly parts: readonly SecretValue[]; readonly encode?: 'uri' | 'json' }
  /** A secret of the stack's configuration, by its name there. */
  | { readonly kind: 'configured'; readonly config: string }
  /** A part of a certificate signed by the environment's own authority, made once and kept in encrypted state. */
  | {
      readonly kind: 'certificate';
      readonly identity: SecretIdentity;
      readonly names: readonly string[];
      readonly part: 'certificate' | 'privateKey' | 'authority';
    };

export const derived = (
  identity: SecretIdentity,
  format: 'base64url' | 'hex' | 'accessKey' = 'base64url',
): SecretValue => ({ kind: 'derived', identity, format });
export const text = (content: string): SecretValue => ({ kind: 'text', text: content });
export const joined = (...parts: readonly (string | SecretValue)[]): SecretValue => ({
  kind: 'joined',
  parts: parts.map((part) => (typeof part === 'string' ? text(part) : part)),
});
export const derivedCertificate = (
  identity: SecretIdentity,
  names: readonly string[],
  part: 'certificate' | 'privateKey' | 'authority',
): SecretValue => ({ kind: 'certificate', identity, names, part });
/** Percent-encodes a value for use inside an address. */
export const uriEncoded = (part: SecretValue): SecretValue => ({
  kind: 'joined',
  parts: [part],
  encode: 'uri',
});

/** Who makes a Secret: Plinth, or somebody before Plinth is applied (it is then only named). */
export type SecretSource = 'plinth' | 'preCreated';

export interface SecretRequestProps<Key extends string> {
  readonly namespace: string;
  readonly name: string;
  readonly values: Readonly<Record<Key, SecretValue>>;
  /** Generation of the credentials, from 1 on: consumers roll when it changes. */
  readonly generation?: number;
  readonly source?: SecretSource;
  /** Kubernetes' type of the Secret, `Opaque` unless told. */
  readonly type?: 'Opaque' | 'kubernetes.io/tls' | 'kubernetes.io/dockerconfigjson';
}

/**
 * A Secret that the platform needs. It is a node of the tree, so that workloads can be ordered after it, but no
 * Kubernetes object of its own: manifests only name it, and Pulumi makes it with its values encrypted in state.
 */
export class SecretRequest<Key extends string = string> extends Construct {
  readonly request: Required<SecretRequestProps<Key>>;
  readonly ref: SecretRef<Key>;

  constructor(scope: Construct, id: string, props: SecretRequestProps<Key>) {
    super(scope, id);
    this.request = { generation: 1, source: 'plinth', type: 'Opaque', ...props };
    const keys = Object.keys(props.values) as Key[];
    this.ref = new SecretRef(props.namespace, props.name, keys, this.request.generation);
  }

  static isSecretRequest(construct: unknown): construct is SecretRequest {
    return construct instanceof SecretRequest;
  }
}
