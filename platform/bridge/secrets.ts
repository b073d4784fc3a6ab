import * as pulumi from '@pulumi/pulumi';
import type { SecretRequest, SecretValue } from '../../constructs/contracts/index.ts';
import { type CertificateValue, certificatesIn, configurationIn, resolveSecret } from '../secrets.ts';
import type { Authority } from './authority.ts';
import type { Manifest } from './manifest.ts';

export interface SecretResolverProps {
  readonly config: pulumi.Config;
  readonly authority: Authority;
}

const partKey = ({ identity, part }: CertificateValue): string =>
  [identity.owner, identity.role, identity.key, identity.generation, part].join('/');

/** Turns what the tree says of secret values into the values, each an encrypted output. */
export class SecretResolver {
  readonly #config: pulumi.Config;
  readonly #authority: Authority;
  readonly #root: pulumi.Output<string>;

  constructor({ config, authority }: SecretResolverProps) {
    this.#config = config;
    this.#authority = authority;
    this.#root = config.requireSecret('rootSecret');
  }

  /** The names that these values need in the stack's configuration, and that aren't there. */
  missing(values: readonly SecretValue[]): readonly string[] {
    const needed = [...new Set(values.flatMap(configurationIn))].sort();
    return needed.filter((name) => this.#config.getSecret(name) === undefined);
  }

  resolve<Key extends string>(
    values: Readonly<Record<Key, SecretValue>>,
  ): pulumi.Output<Record<Key, string>> {
    const all = Object.entries<SecretValue>(values);
    const certificates = new Map(
      all.flatMap(([, value]) => certificatesIn(value)).map((each) => [partKey(each), each]),
    );
    const configured = [...new Set(all.flatMap(([, value]) => configurationIn(value)))];
    const parts: Record<string, pulumi.Output<string>> = {};
    for (const [key, each] of certificates) parts[key] = this.#authority.part(each);
    const configuration: Record<string, pulumi.Output<string>> = {};
    for (const name of configured) configuration[name] = this.#config.requireSecret(name);
    const sources = pulumi.output({ root: this.#root, parts, configuration });
    const resolved = sources.apply((known) => {
      const from = {
        rootSecret: known.root,
        configured: (name: string) => known.configuration[name] ?? '',
        certificate: (value: CertificateValue) => known.parts[partKey(value)] ?? '',
      };
      return Object.fromEntries(all.map(([key, value]) => [key, resolveSecret(value, from)]));
    });
    return pulumi.secret(resolved) as pulumi.Output<Record<Key, string>>;
  }

  /**
   * A webhook's configuration with the certificate of the authority that signed the webhook's own: who asks for it by
   * annotation `plinth.dev/authority: own` can't know it while composing.
   */
  trusting(manifest: Manifest): Manifest {
    if (manifest.metadata.annotations?.['plinth.dev/authority'] !== 'own') return manifest;
    const caBundle = this.#authority.certificate.apply((pem) => Buffer.from(pem).toString('base64'));
    const webhooks = (manifest['webhooks'] ?? []) as readonly { readonly clientConfig: object }[];
    return {
      ...manifest,
      webhooks: webhooks.map((each) => ({ ...each, clientConfig: { ...each.clientConfig, caBundle } })),
    };
  }

  /** The Secret of a request; its values are the only part that isn't known before. */
  manifest(request: SecretRequest['request']): Omit<Manifest, 'data'> & {
    readonly data: pulumi.Output<Record<string, string>>;
  } {
    const data = this.resolve(request.values).apply((values) =>
      Object.fromEntries(
        Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      ),
    );
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: request.name,
        namespace: request.namespace,
        labels: { 'app.kubernetes.io/managed-by': 'plinth' },
        annotations: { 'plinth.dev/generation': String(request.generation) },
      },
      type: request.type,
      data,
    };
  }
}
