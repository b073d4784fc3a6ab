import type { Size } from 'cdk8s';

/** The S3 and metrics ports are open; the others answer on loopback only. */
export const ports = { s3: 8333, metrics: 9327, filer: 8888 };

const loopback = '127.0.0.1';
const everywhere = '0.0.0.0';

/**
 * Data lie in volume files, and every bucket has some of its own: at a hundredth of the storage each, a hundred
 * buckets fit. Between 64 MiB and the 30,000 MiB that SeaweedFS takes by default.
 */
const volumeMebibytes = (storage: Size): number =>
  Math.min(30_000, Math.max(64, Math.floor(storage.toMebibytes() / 100)));

/** One process with master, volume server, filer and S3; start.py says what is done about S3's gRPC port. */
export const serverCommand = (storage: Size): readonly string[] => [
  'python3',
  '/etc/plinth/files/start.py',
  '-logtostderr',
  'server',
  '-dir=/data',
  `-ip=${loopback}`,
  `-ip.bind=${loopback}`,
  '-master.telemetry=false',
  `-master.volumeSizeLimitMB=${volumeMebibytes(storage)}`,
  // As many volumes as fit the disk.
  '-volume.max=0',
  '-volume.preStopSeconds=1',
  '-filer',
  `-filer.port=${ports.filer}`,
  '-s3',
  `-s3.port=${ports.s3}`,
  `-s3.ip.bind=${everywhere}`,
  // Without any identity S3 is open to everybody; this one has no key and may do nothing.
  '-s3.config=/etc/plinth/files/closed.json',
  '-s3.iam=false',
  '-s3.port.iceberg=0',
  '-s3.port.lance=0',
  '-s3.autoCreateBucket=false',
  '-s3.allowDeleteBucketNotEmpty=false',
  `-metricsIp=${everywhere}`,
  `-metricsPort=${ports.metrics}`,
];
