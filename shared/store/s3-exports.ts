import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { MINUTE_MS, MiB, SECOND_MS } from '../core/units.ts';
import { checkKey } from './object-key.ts';
import { fromS3Error } from './s3-errors.ts';

/** Of an upload's part: 10,000 of them are 640 GB. */
const PART_BYTES = 64 * MiB;
const LINK_MS = 15 * MINUTE_MS;

export interface S3ExportsOptions {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}

/** Plain exports below `exports/` of a bucket, and links to them. They are no part of a repository; a rule of the bucket's removes them. */
export class S3Exports {
  readonly #client: S3Client;
  readonly #options: S3ExportsOptions;

  constructor(options: S3ExportsOptions) {
    const { region, endpoint, forcePathStyle, credentials } = options;
    this.#options = options;
    this.#client = new S3Client({
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: forcePathStyle ?? true }),
      ...(credentials ? { credentials } : {}),
    });
  }

  /** Stores an export whole, or nothing; gives its bytes. @throws E_STORE_* */
  async put(
    run: string,
    fileName: string,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<number> {
    const place = this.#place(run, fileName);
    try {
      return await this.#upload(place, body, signal);
    } catch (error) {
      throw fromS3Error(error, {
        location: `s3://${place.Bucket}`,
        bucket: place.Bucket,
        key: place.Key,
        signal,
      });
    }
  }

  /** A link that needs no credentials, for 15 minutes. */
  async link(run: string, fileName: string): Promise<{ readonly url: string; readonly expiresAt: string }> {
    const input = {
      ...this.#place(run, fileName),
      ResponseContentDisposition: `attachment; filename="${fileName}"`,
    };
    const signingDate = new Date(performance.timeOrigin + performance.now());
    const url = await getSignedUrl(this.#client, new GetObjectCommand(input), {
      expiresIn: LINK_MS / SECOND_MS,
      signingDate,
    });
    return { url, expiresAt: new Date(signingDate.getTime() + LINK_MS).toISOString() };
  }

  #place(run: string, fileName: string): { readonly Bucket: string; readonly Key: string } {
    const key = `exports/${run}/${fileName}`;
    checkKey(key);
    const { bucket, prefix } = this.#options;
    return { Bucket: bucket, Key: prefix === '' ? key : `${prefix}/${key}` };
  }

  async #upload(
    place: { readonly Bucket: string; readonly Key: string },
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<number> {
    let bytes = 0;
    let upload: string | undefined;
    const parts: { readonly PartNumber: number; readonly ETag: string | undefined }[] = [];
    const send = { abortSignal: signal };
    try {
      for await (const { part, isLast } of partsOf(body)) {
        bytes += part.length;
        if (isLast && upload === undefined) {
          await this.#client.send(new PutObjectCommand({ ...place, Body: part }), send);
          return bytes;
        }
        upload ??= (await this.#client.send(new CreateMultipartUploadCommand(place), send)).UploadId;
        const PartNumber = parts.length + 1;
        const input = { ...place, UploadId: upload, PartNumber, Body: part };
        parts.push({ PartNumber, ETag: (await this.#client.send(new UploadPartCommand(input), send)).ETag });
      }
      const all = { ...place, UploadId: upload, MultipartUpload: { Parts: parts } };
      await this.#client.send(new CompleteMultipartUploadCommand(all), send);
      return bytes;
    } catch (error) {
      if (upload !== undefined)
        await this.#client
          .send(new AbortMultipartUploadCommand({ ...place, UploadId: upload }))
          .catch(() => {});
      throw error;
    }
  }
}

async function* partsOf(body: AsyncIterable<Uint8Array>) {
  let pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    if (size >= PART_BYTES) {
      yield { part: Buffer.concat(pieces), isLast: false };
      pieces = [];
      size = 0;
    }
    pieces.push(Uint8Array.from(piece));
    size += piece.length;
  }
  yield { part: Buffer.concat(pieces), isLast: true };
}
