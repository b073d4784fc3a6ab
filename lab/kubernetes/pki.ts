import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { run } from '../support/exec.ts';

const days = 3650;
const renewBeforeDays = 30;

/** Paths of a certificate and its private key. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Everything the components of a cluster prove themselves with; one folder, readable by its owner only. */
export interface Pki {
  readonly folder: string;
  readonly ca: KeyPair;
  readonly frontProxyCa: KeyPair;
  /** The key that signs service account tokens. It outlives renewed certificates, or every pod would lose its. */
  readonly serviceAccounts: KeyPair;
  readonly apiServer: KeyPair;
  readonly etcd: KeyPair;
  readonly kubelet: KeyPair;
  readonly admin: KeyPair;
  readonly controllerManager: KeyPair;
  readonly scheduler: KeyPair;
  readonly proxy: KeyPair;
  readonly node: KeyPair;
  readonly apiServerToKubelet: KeyPair;
  readonly apiServerToEtcd: KeyPair;
  readonly frontProxyClient: KeyPair;
}

interface Request {
  readonly name: string;
  readonly commonName: string;
  readonly organization?: string;
  readonly authority?: 'ca' | 'front-proxy-ca';
  /** Names and addresses that a server answers to; a certificate without any is a client's. */
  readonly hosts?: readonly string[];
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

const authority = (folder: string, name: string): Promise<string> =>
  run([
    ...['openssl', 'req', '-x509', ...curve, '-days', String(days), '-subj', `/CN=plinth-lab-${name}`],
    ...['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);

const issue = (folder: string, request: Request): Promise<string> => {
  const { name, commonName, organization, authority: issuer = 'ca', hosts = [] } = request;
  const subject = `${organization === undefined ? '' : `/O=${organization}`}/CN=${commonName}`;
  const names = hosts.map((host) => `${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}`).join(',');
  const usage = hosts.length === 0 ? 'clientAuth' : 'serverAuth,clientAuth';
  return run([
    ...['openssl', 'req', '-x509', ...curve, '-days', String(days), '-subj', subject],
    ...['-CA', join(folder, `${issuer}.crt`), '-CAkey', join(folder, `${issuer}.key`)],
    ...['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)],
    ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'keyUsage=critical,digitalSignature'],
    ...['-addext', `extendedKeyUsage=${usage}`],
    ...(names === '' ? [] : ['-addext', `subjectAltName=${names}`]),
  ]);
};

const requests = (node: string, hosts: readonly string[]): readonly Request[] => {
  const local = ['localhost', '127.0.0.1'];
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  return [
    {
      name: 'api-server',
      commonName: 'kube-apiserver',
      hosts: [...service, 'kubernetes.default.svc.cluster.local', ...local, ...hosts],
    },
    { name: 'etcd', commonName: 'etcd', hosts: [...local, ...hosts] },
    { name: 'kubelet', commonName: node, hosts: [node, ...hosts] },
    { name: 'admin', commonName: 'plinth-lab-admin', organization: 'system:masters' },
    { name: 'controller-manager', commonName: 'system:kube-controller-manager' },
    { name: 'scheduler', commonName: 'system:kube-scheduler' },
    { name: 'proxy', commonName: 'system:kube-proxy' },
    { name: 'node', commonName: `system:node:${node}`, organization: 'system:nodes' },
    { name: 'api-server-to-kubelet', commonName: 'kube-apiserver', organization: 'system:masters' },
    { name: 'api-server-to-etcd', commonName: 'kube-apiserver' },
    { name: 'front-proxy-client', commonName: 'front-proxy-client', authority: 'front-proxy-ca' },
  ];
};

const pair = (folder: string, name: string): KeyPair => ({
  cert: join(folder, `${name}.crt`),
  key: join(folder, `${name}.key`),
});

const stillGood = (folder: string, hosts: readonly string[]): boolean => {
  const { cert } = pair(folder, 'api-server');
  if (!existsSync(cert)) return false;
  const served = new X509Certificate(readFileSync(cert));
  const until = Date.parse(served.validTo) - renewBeforeDays * 86_400_000;
  return (
    Date.now() < until &&
    Date.parse(served.validFrom) <= Date.now() &&
    hosts.every((host) => (isIP(host) === 0 ? served.checkHost(host) : served.checkIP(host)) !== undefined)
  );
};

/**
 * The certificates of one cluster under `folder`: made when missing, when their end is near, or when a host was
 * added; otherwise kept, so that running components stay valid. `hosts` are further names and addresses of the
 * API server and etcd.
 */
export const ensurePki = async (folder: string, node: string, hosts: readonly string[]): Promise<Pki> => {
  const certificates = join(folder, 'certificates');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!stillGood(certificates, hosts)) {
    // Beside it and renamed when whole: an interrupted run leaves no folder with half of its files.
    const fresh = join(folder, 'certificates.unfinished');
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { mode: 0o700 });
    await Promise.all([authority(fresh, 'ca'), authority(fresh, 'front-proxy-ca')]);
    await Promise.all(requests(node, hosts).map((request) => issue(fresh, request)));
    rmSync(certificates, { recursive: true, force: true });
    renameSync(fresh, certificates);
  }
  const serviceAccounts = pair(folder, 'service-accounts');
  if (!existsSync(serviceAccounts.cert)) {
    const key = ['openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'];
    await run([...key, '-out', serviceAccounts.key]);
    writeFileSync(
      serviceAccounts.cert,
      await run(['openssl', 'pkey', '-in', serviceAccounts.key, '-pubout']),
    );
  }
  const of = (name: string): KeyPair => pair(certificates, name);
  return {
    folder: certificates,
    ca: of('ca'),
    frontProxyCa: of('front-proxy-ca'),
    serviceAccounts,
    apiServer: of('api-server'),
    etcd: of('etcd'),
    kubelet: of('kubelet'),
    admin: of('admin'),
    controllerManager: of('controller-manager'),
    scheduler: of('scheduler'),
    proxy: of('proxy'),
    node: of('node'),
    apiServerToKubelet: of('api-server-to-kubelet'),
    apiServerToEtcd: of('api-server-to-etcd'),
    frontProxyClient: of('front-proxy-client'),
  };
};

/** Writes a kubeconfig (0600) with one context of the given name; certificates are embedded, so it can be moved. */
export const writeKubeconfig = (
  file: string,
  server: string,
  ca: string,
  user: KeyPair,
  name: string,
): void => {
  const base64 = (path: string): string => readFileSync(path).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name,
        user: { 'client-certificate-data': base64(user.cert), 'client-key-data': base64(user.key) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  const fresh = `${file}.unfinished`;
  writeFileSync(fresh, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(fresh, file);
};
