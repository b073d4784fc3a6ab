import { createPrivateKey, X509Certificate } from 'node:crypto';
import { derived, joined, type SecretIdentity, text, uriEncoded } from '../../constructs/contracts/index.ts';
import { createAuthority, renewalPeriod, signServer } from '../../platform/bridge/certificates.ts';
import { derivationInfo, derive, resolveSecret, type SecretSources } from '../../platform/secrets.ts';

const root = '0123456789abcdef0123456789abcdef';
const identity: SecretIdentity = { owner: 'mlflow', role: 'database', key: 'password', generation: 1 };
const sources: SecretSources = {
  rootSecret: root,
  configured: (name) => `configured ${name}`,
  certificate: ({ part }) => `the ${part}`,
};

describe('a derived value', () => {
  // Computed by RFC 5869 with Python's hmac: extract with 32 zero bytes, expand with the info and one byte 01.
  test('is HKDF-SHA256 of the root secret, so that anyone can compute it again', () => {
    expect(derivationInfo(identity)).toBe('plinth/v1/mlflow/database/password/1');
    expect(derive(root, identity, 'hex')).toBe(
      '152ab8dd40bedc377f9dc9b1eaafdbf652bb44048c20099f680fced44759c737',
    );
  });

  test('is the same bytes in every format, but for access keys: 20 capital letters and digits', () => {
    const hex = derive(root, identity, 'hex');
    expect(derive(root, identity, 'base64url')).toBe(Buffer.from(hex, 'hex').toString('base64url'));
    expect(derive(root, identity, 'accessKey')).toMatch(/^[A-Z2-7]{20}$/);
  });

  test('changes with owner, role, key, generation and root', () => {
    const others: readonly SecretIdentity[] = [
      { ...identity, owner: 'airflow' },
      { ...identity, role: 'bucket' },
      { ...identity, key: 'username' },
      { ...identity, generation: 2 },
    ];
    const values = [identity, ...others].map((each) => derive(root, each, 'hex'));
    expect(new Set([...values, derive(`${root}x`, identity, 'hex')]).size).toBe(6);
  });

  test('refuses a short root, and names that could be read as others', () => {
    expect(() => derive('short', identity, 'hex')).toThrow(/at least 32 characters, got 5; .*openssl rand/);
    expect(() => derivationInfo({ ...identity, owner: 'a/b' })).toThrow(/holds "\/", got "a\/b"/);
    expect(() => derivationInfo({ ...identity, generation: 0 })).toThrow(/from 1 on, got 0/);
  });
});

describe('a value put together', () => {
  test('percent-encodes what stands in an address', () => {
    const address = joined('postgres://me:', uriEncoded(text('p@ss/word')), '@host/db');
    expect(resolveSecret(address, sources)).toBe('postgres://me:p%40ss%2Fword@host/db');
  });

  test('escapes what stands in JSON, also when nested', () => {
    const json = joined('{"key":"', { kind: 'joined', parts: [text('a"b\n')], encode: 'json' }, '"}');
    expect(JSON.parse(resolveSecret(json, sources))).toEqual({ key: 'a"b\n' });
  });

  test('takes configuration and certificates from the stack', () => {
    const value = joined(
      { kind: 'configured', config: 'smtp' },
      ', ',
      { kind: 'certificate', identity, names: ['a.example.com'], part: 'authority' },
      ', ',
      derived(identity, 'hex'),
    );
    expect(resolveSecret(value, sources)).toBe(
      `configured smtp, the authority, ${derive(root, identity, 'hex')}`,
    );
  });
});

describe('a certificate', () => {
  const now = new Date('2026-03-01T12:00:00Z');

  test('is signed by the authority for exactly its names, with its own key', async () => {
    const authority = await createAuthority('Plinth test', now);
    const server = await signServer(authority, ['*.example.com', 'example.com'], now);
    const issuer = new X509Certificate(authority.certificate);
    const certificate = new X509Certificate(server.certificate);
    expect(issuer.ca).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.subjectAltName).toBe('DNS:*.example.com, DNS:example.com');
    expect(certificate.checkPrivateKey(createPrivateKey(server.privateKey))).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(authority.privateKey))).toBe(false);
  });

  test('outlives the next yearly renewal by a month and more', async () => {
    const authority = await createAuthority('Plinth test', now);
    const { certificate } = await signServer(authority, ['example.com'], new Date('2026-01-01T00:00:00Z'));
    const end = new Date(new X509Certificate(certificate).validTo);
    expect(renewalPeriod(new Date('2026-12-31T23:59:59Z'))).toBe(2026);
    expect(end.getTime()).toBeGreaterThan(Date.UTC(2028, 1, 1));
    expect(end.getTime()).toBeLessThan(now.getTime() + 825 * 24 * 3600 * 1000);
  });
});
