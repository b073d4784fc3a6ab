import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Settings } from '../settings.ts';
import type { Claim } from '../store/files.ts';

/** Where a file goes, laid out as Spark and Hive find partitions. */
export const objectKey = (prefix: string, { kind, model, version, hour, file }: Claim): string => {
  const [date, inDay] = hour.split('T', 2);
  const folders = [
    `${kind}s`,
    `model=${encodeURIComponent(model)}`,
    `version=${encodeURIComponent(version)}`,
    `date=${date}`,
    `hour=${inDay}`,
  ];
  return `${prefix}${folders.join('/')}/${file}.parquet`;
};

export type Bucket = Pick<Buckets, 'put' | 'close'>;

/** Each team's own bucket, with the service's own key. */
export class Buckets {
  readonly #client: S3Client;
  readonly #ofTeam: ReadonlyMap<string, string>;

  constructor(settings: Settings) {
    this.#ofTeam = new Map(Object.entries(settings.TEAM_BUCKETS));
    this.#client = new S3Client({
      endpoint: settings.AWS_ENDPOINT_URL_S3,
      region: settings.AWS_DEFAULT_REGION,
      credentials: {
        accessKeyId: settings.AWS_ACCESS_KEY_ID,
        secretAccessKey: settings.AWS_SECRET_ACCESS_KEY,
      },
      forcePathStyle: true,
      // Not every store knows the newer checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      maxAttempts: 3,
      requestHandler: { connectionTimeout: 5000, requestTimeout: 30_000 },
    });
  }

  /** Throws where the team has no bucket, or the store doesn't take it. */
  async put(team: string, key: string, body: Uint8Array): Promise<void> {
    const bucket = this.#ofTeam.get(team);
    if (bucket === undefined) throw new Error(`team ${team} has no bucket here`);
    await this.#client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: body,
        ContentType: 'application/vnd.apache.parquet',
      }),
    );
  }

  close(): void {
    this.#client.destroy();
  }
}
