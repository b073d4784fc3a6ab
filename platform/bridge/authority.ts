import * as pulumi from '@pulumi/pulumi';
import type { CertificateValue } from '../secrets.ts';
import { derivationInfo } from '../secrets.ts';
import { createAuthority, type KeyPair, renewalPeriod, signServer } from './certificates.ts';

export interface AuthorityProps {
  /** Names the authority to those who install it. */
  readonly environment: string;
  /** From 1 on; another one is another authority, and every certificate is signed anew. */
  readonly generation: number;
  readonly now: Date;
}

/**
 * The environment's own authority and what it signed. Keys are made once and live in the stack's encrypted state,
 * in `Stash` resources: their output stays what it was first, whatever a later run offers. A server certificate
 * is made anew when its generation or its names change, and by the first update of each calendar year, long
 * before its 800 days are over. A stack that nobody updates for a year must be updated for its certificates.
 */
export class Authority {
  readonly #props: AuthorityProps;
  #own: pulumi.Output<KeyPair> | undefined;
  readonly #signed = new Map<string, { readonly names: string; readonly pair: pulumi.Output<KeyPair> }>();

  constructor(props: AuthorityProps) {
    this.#props = props;
  }

  /** The authority's certificate: public, for whoever connects. */
  get certificate(): pulumi.Output<string> {
    return pulumi.unsecret(this.#authority.apply(({ certificate }) => certificate));
  }

  /** A part of a server certificate; parts of one identity belong together. */
  part(value: CertificateValue): pulumi.Output<string> {
    switch (value.part) {
      case 'authority':
        return this.#authority.apply(({ certificate }) => certificate);
      case 'certificate':
      case 'privateKey': {
        const { part } = value;
        return this.#server(value).apply((pair) => pair[part]);
      }
      default:
        return value.part satisfies never;
    }
  }

  get #authority(): pulumi.Output<KeyPair> {
    const { environment, generation, now } = this.#props;
    this.#own ??= kept(`authority/${generation}`, createAuthority(`Plinth ${environment}`, now));
    return this.#own;
  }

  #server({ identity, names }: CertificateValue): pulumi.Output<KeyPair> {
    const id = derivationInfo(identity);
    const list = [...names].sort().join(',');
    const known = this.#signed.get(id);
    if (known !== undefined) {
      if (known.names === list) return known.pair;
      throw new Error(`certificate ${id} is asked for with two lists of names: ${known.names} and ${list}`);
    }
    const { generation, now } = this.#props;
    const { owner, role, key } = identity;
    const signer = `${generation}.${renewalPeriod(now)}`;
    const pair = kept(
      `certificate/${owner}/${role}/${key}/${identity.generation}/${signer}/${list}`,
      this.#authority.apply((authority) => signServer(authority, names, now)),
    );
    this.#signed.set(id, { names: list, pair });
    return pair;
  }
}

/** What was offered when the stack first saw this name; later offers are ignored. */
const kept = (name: string, offered: pulumi.Input<KeyPair>): pulumi.Output<KeyPair> => {
  const stash = new pulumi.Stash(
    name,
    { input: pulumi.secret(offered) },
    { ignoreChanges: ['input'], additionalSecretOutputs: ['input', 'output'] },
  );
  return stash.output as unknown as pulumi.Output<KeyPair>;
};
