import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate with its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 24 * 60 * 60 * 1000;
/** Clocks of clients may be behind ours. */
const tolerated = 60 * 60 * 1000;

/** Twenty years: an authority changes only when its generation is bumped, because people install it. */
const authorityDays = 20 * 365;
/** Below the 825 days that clients accept at most; two yearly renewals fit in. */
const serverDays = 800;

x509.cryptoProvider.set(webcrypto);

/** Positive, 127 bits at random, never the same twice. */
const serialNumber = (): string => {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes.toString('hex');
};

const privatePem = async (key: webcrypto.CryptoKey): Promise<string> =>
  x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');

const generate = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

/** The calendar year, in UTC: what a server certificate is renewed with. */
export const renewalPeriod = (now: Date): number => now.getUTCFullYear();

/** An authority that signs server certificates and no further authority. */
export const createAuthority = async (name: string, now: Date): Promise<KeyPair> => {
  const keys = await generate();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }, { O: ['Plinth'] }],
    notBefore: new Date(now.getTime() - tolerated),
    notAfter: new Date(now.getTime() + authorityDays * day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: `${await privatePem(keys.privateKey)}\n`,
  };
};

/** A server certificate for these DNS names, the first of which is its subject, signed by the authority. */
export const signServer = async (
  authority: KeyPair,
  names: readonly string[],
  now: Date,
): Promise<KeyPair> => {
  const issuer = new x509.X509Certificate(authority.certificate);
  const [pkcs8] = x509.PemConverter.decode(authority.privateKey);
  if (pkcs8 === undefined) throw new Error("the authority's private key is no PEM");
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
  const keys = await generate();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // A common name holds 64 characters at most; clients read the alternative names only.
    subject: [{ CN: [(names[0] ?? '').slice(0, 64)] }],
    issuer: issuer.subject,
    notBefore: new Date(now.getTime() - tolerated),
    notAfter: new Date(now.getTime() + serverDays * day),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: `${await privatePem(keys.privateKey)}\n`,
  };
};
