import { hkdfSync } from 'node:crypto';
import type { SecretIdentity, SecretValue } from '../constructs/contracts/index.ts';

/** Shorter root secrets are refused: everything else can be computed from this one. */
const leastRootLength = 32;

/** How 32 derived bytes are written. */
type DerivedFormat = Extract<SecretValue, { kind: 'derived' }>['format'];

/** Names a value for good: other owner, role, key or generation, other value. */
export const derivationInfo = ({ owner, role, key, generation }: SecretIdentity): string => {
  const parts = [owner, role, key];
  const wrong = parts.find((part) => part === '' || part.includes('/'));
  if (wrong !== undefined)
    throw new Error(`secret identity "${parts.join('", "')}": a part is empty or holds "/", got "${wrong}"`);
  if (!Number.isInteger(generation) || generation < 1)
    throw new Error(
      `secret ${parts.join('/')}: generation must be a whole number from 1 on, got ${generation}`,
    );
  return `plinth/v1/${parts.join('/')}/${generation}`;
};

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const formatted = (bytes: Buffer, format: DerivedFormat): string => {
  switch (format) {
    case 'base64url':
      return bytes.toString('base64url');
    case 'hex':
      return bytes.toString('hex');
    case 'accessKey':
      // 32 divides 256, so every letter is as likely as the others: 20 of them are 100 bits.
      return [...bytes.subarray(0, 20)].map((byte) => base32[byte % 32]).join('');
    default:
      return format satisfies never;
  }
};

/** HKDF-SHA256 of the stack's root secret, without salt; the identity is the info. Throws on a short root. */
export const derive = (rootSecret: string, identity: SecretIdentity, format: DerivedFormat): string => {
  if (rootSecret.length < leastRootLength)
    throw new Error(
      `plinth:rootSecret must have at least ${leastRootLength} characters, got ${rootSecret.length}; ` +
        'set one with: openssl rand -hex 32 | pulumi config set --secret plinth:rootSecret',
    );
  return formatted(Buffer.from(hkdfSync('sha256', rootSecret, '', derivationInfo(identity), 32)), format);
};

export type CertificateValue = Extract<SecretValue, { kind: 'certificate' }>;

/** Where the parts of a value come from that aren't in the construct tree. */
export interface SecretSources {
  readonly rootSecret: string;
  /** A secret of the stack's configuration. */
  readonly configured: (name: string) => string;
  readonly certificate: (value: CertificateValue) => string;
}

const encoded = (value: string, encode: 'uri' | 'json' | undefined): string => {
  switch (encode) {
    case undefined:
      return value;
    case 'uri':
      return encodeURIComponent(value);
    case 'json':
      return JSON.stringify(value).slice(1, -1);
    default:
      return encode satisfies never;
  }
};

/** The value itself. Whoever calls this keeps the result inside `pulumi.secret`. */
export const resolveSecret = (value: SecretValue, sources: SecretSources): string => {
  switch (value.kind) {
    case 'derived':
      return derive(sources.rootSecret, value.identity, value.format);
    case 'text':
      return value.text;
    case 'joined':
      return encoded(value.parts.map((part) => resolveSecret(part, sources)).join(''), value.encode);
    case 'configured':
      return sources.configured(value.config);
    case 'certificate':
      return sources.certificate(value);
    default:
      return value satisfies never;
  }
};

const collect = <Found>(
  value: SecretValue,
  pick: (value: SecretValue) => Found | undefined,
): readonly Found[] => {
  if (value.kind === 'joined') return value.parts.flatMap((part) => collect(part, pick));
  const found = pick(value);
  return found === undefined ? [] : [found];
};

/** The certificates whose parts a value holds. */
export const certificatesIn = (value: SecretValue): readonly CertificateValue[] =>
  collect(value, (each) => (each.kind === 'certificate' ? each : undefined));

/** The names in the stack's configuration that a value needs. */
export const configurationIn = (value: SecretValue): readonly string[] =>
  collect(value, (each) => (each.kind === 'configured' ? each.config : undefined));
