import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { HoldfastError } from '../../shared/core/errors.ts';
import { MiB } from '../../shared/core/units.ts';

/** S3 takes at most 10,000 of them: 312 GiB. */
const PART_BYTES = 32 * MiB;
const MOST_PARTS = 10_000;

export interface UploadPlace {
  readonly bucket: string;
  readonly key: string;
  readonly contentType: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
}

/** Stores a stream as one object; memory is bounded. Nothing is there unless all is. @returns its bytes */
export async function upload(
  blocks: AsyncIterable<Uint8Array>,
  place: UploadPlace,
  signal: AbortSignal,
): Promise<number> {
  const parts = inParts(blocks);
  const first = await parts.next();
  const second = await parts.next();
  const head = [first, second].flatMap(({ done, value }) => (done || !value ? [] : [value]));
  if (head.length < 2) return putWhole(head[0] ?? Buffer.alloc(0), place, signal);
  return putParts(chain(head, parts), place, signal);
}

async function putWhole(Body: Buffer, place: UploadPlace, signal: AbortSignal): Promise<number> {
  const { bucket: Bucket, key: Key, contentType: ContentType } = place;
  const command = new PutObjectCommand({ Bucket, Key, Body, ContentType, IfNoneMatch: '*' });
  await clientOf(place).send(command, { abortSignal: signal });
  return Body.length;
}

async function putParts(
  parts: AsyncIterable<Buffer>,
  place: UploadPlace,
  signal: AbortSignal,
): Promise<number> {
  const client = clientOf(place);
  const options = { abortSignal: signal };
  const object = { Bucket: place.bucket, Key: place.key };
  const begin = new CreateMultipartUploadCommand({ ...object, ContentType: place.contentType });
  const { UploadId } = await client.send(begin, options);
  const Parts: { ETag: string | undefined; PartNumber: number }[] = [];
  let bytes = 0;
  try {
    for await (const Body of parts) {
      const PartNumber = Parts.length + 1;
      if (PartNumber > MOST_PARTS) throw tooLarge();
      const command = new UploadPartCommand({ ...object, UploadId, PartNumber, Body });
      const { ETag } = await client.send(command, options);
      Parts.push({ ETag, PartNumber });
      bytes += Body.length;
    }
    const command = new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts } });
    await client.send(command, options);
    return bytes;
  } catch (error) {
    // What stays behind the bucket's lifecycle removes.
    await client.send(new AbortMultipartUploadCommand({ ...object, UploadId })).catch(() => {});
    throw error;
  }
}

function clientOf({ region, endpoint }: UploadPlace): S3Client {
  return new S3Client({
    requestChecksumCalculation: 'WHEN_REQUIRED',
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
  });
}

function tooLarge(): HoldfastError {
  return new HoldfastError('E_USAGE', `an export has at most ${(MOST_PARTS * PART_BYTES) / MiB} MiB`, {
    hint: 'Export dataset by dataset, or with the command line.',
  });
}

async function* chain(head: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* head;
  yield* rest;
}

async function* inParts(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  for await (const block of blocks) {
    // A block is the exporter's again once the next one is asked for.
    gathered.push(Buffer.from(block));
    bytes += block.length;
    if (bytes < PART_BYTES) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(gathered);
}
