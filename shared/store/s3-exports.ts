import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { HoldfastError } from '../core/errors.ts';
import { EXPORT_TYPES } from '../core/export-types.ts';
import { MINUTE_MS, MiB, SECOND_MS } from '../core/units.ts';
import { checkKey } from './object-key.ts';
import { clientConfig, type S3Connection, s3Checksum } from './s3-connection.ts';
import { fromS3Error } from './s3-errors.ts';

/** S3 allows at most 10,000 parts: 625 GiB. */
const PART_BYTES = 64 * MiB;
const MOST_PARTS = 10_000;
/**
 * The bucket's policy demands this of every call that makes an object: of a put, and of completing an upload.
 */
const ONCE = { IfNoneMatch: '*' } as const;
/** Parts of an upload may carry a checksum only if the call that began the upload named its kind. */
const CHECKED = { ChecksumAlgorithm: 'SHA256' } as const;
const LINK_MS = 15 * MINUTE_MS;

/**
 * Plain exports below `exports/` of a bucket, and links to them. They are not part of a repository; a
 * lifecycle rule removes them.
 */
export class S3Exports {
  readonly #client: S3Client;
  readonly #options: S3Connection;
  readonly #partBytes: number;

  /** @param partBytes larger exports are uploaded in parts of at least this size */
  constructor(options: S3Connection, partBytes: number = PART_BYTES) {
    this.#options = options;
    this.#partBytes = partBytes;
    this.#client = new S3Client(clientConfig(options));
  }

  /** Path of an export beside the repository. @throws E_INTERNAL for names that lead elsewhere */
  keyOf(run: string, fileName: string): string {
    const key = `exports/${run}/${fileName}`;
    checkKey(key);
    return key;
  }

  /**
   * Stores a whole export, or nothing; returns its bytes. @throws E_OBJECT_EXISTS, E_USAGE if it is too
   * large, E_STORE_*
   */
  async put(
    run: string,
    fileName: string,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<number> {
    const place = this.#place(run, fileName);
    try {
      return await this.#upload({ ...place, ContentType: typeOf(fileName) }, body, signal);
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
    const key = this.keyOf(run, fileName);
    const { bucket, prefix } = this.#options;
    return { Bucket: bucket, Key: prefix === '' ? key : `${prefix}/${key}` };
  }

  async #upload(
    object: { readonly Bucket: string; readonly Key: string; readonly ContentType: string | undefined },
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<number> {
    const { ContentType: _, ...place } = object;
    let bytes = 0;
    let upload: string | undefined;
    const parts: CompletedPart[] = [];
    const send = { abortSignal: signal };
    try {
      for await (const { part, isLast } of partsOf(body, this.#partBytes)) {
        bytes += part.length;
        const ChecksumSHA256 = s3Checksum(part);
        if (isLast && upload === undefined) {
          await this.#client.send(
            new PutObjectCommand({ ...object, ...ONCE, Body: part, ChecksumSHA256 }),
            send,
          );
          return bytes;
        }
        upload ??= (
          await this.#client.send(new CreateMultipartUploadCommand({ ...object, ...CHECKED }), send)
        ).UploadId;
        const PartNumber = parts.length + 1;
        if (PartNumber > MOST_PARTS) throw tooLarge(this.#partBytes);
        const input = { ...place, UploadId: upload, PartNumber, Body: part, ChecksumSHA256 };
        const { ETag } = await this.#client.send(new UploadPartCommand(input), send);
        parts.push({ PartNumber, ETag, ChecksumSHA256 });
      }
      const all = { ...place, ...ONCE, UploadId: upload, MultipartUpload: { Parts: parts } };
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

function typeOf(fileName: string): string | undefined {
  const ending = fileName.slice(fileName.lastIndexOf('.') + 1);
  return Object.entries(EXPORT_TYPES).find(([format]) => format === ending)?.[1];
}

function tooLarge(partBytes: number): HoldfastError {
  return new HoldfastError('E_USAGE', `an export has at most ${(MOST_PARTS * partBytes) / MiB} MiB`, {
    hint: 'Export single datasets, or use the command line.',
  });
}

async function* partsOf(body: AsyncIterable<Uint8Array>, partBytes: number) {
  let pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    if (size >= partBytes) {
      yield { part: Buffer.concat(pieces), isLast: false };
      pieces = [];
      size = 0;
    }
    // The exporter reuses a block once the next one is asked for.
    pieces.push(Uint8Array.from(piece));
    size += piece.length;
  }
  yield { part: Buffer.concat(pieces), isLast: true };
}
