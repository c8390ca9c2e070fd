import type { Change, RealtimeDatabase } from './database.ts';
import type { FirebaseServerOptions, WriteSizeLimit } from './options.ts';
import { Refusal } from './reply.ts';
import type { DatabaseRequest } from './request.ts';
import { serialize } from './serialize.ts';

const SECONDS: Readonly<Record<WriteSizeLimit, number>> = {
  tiny: 1,
  small: 10,
  medium: 30,
  large: 60,
  unlimited: Number.POSITIVE_INFINITY,
};

/**
 * Refuses a write that would take too long. The real service estimates in a way it does not tell; here both what is
 * written and what it replaces count, at a fixed speed.
 * @throws Refusal
 */
export function requireWriteSize(
  db: RealtimeDatabase,
  { params, body, keys: path }: DatabaseRequest,
  changes: readonly Change[],
  options: FirebaseServerOptions,
): void {
  const name = params.get('writeSizeLimit') ?? options.defaultWriteSizeLimit ?? 'unlimited';
  if (!Object.hasOwn(SECONDS, name)) throw new Refusal(400, `Unsupported value for writeSizeLimit: ${name}`);
  const perSecond = options.estimatedWriteBytesPerSecond ?? 1024 * 1024;
  let left = SECONDS[name as WriteSizeLimit] * perSecond - body.length;
  if (left === Number.POSITIVE_INFINITY) return;
  const places = options.writeSizeCountsWholePath ? [path] : changes.map(({ keys }) => keys);
  for (const keys of places) {
    const replaced = left < 0 ? undefined : serialize(db.read(keys), { format: 'export', maxBytes: left });
    if (!replaced) {
      throw new Refusal(
        400,
        'Data to write exceeds the maximum size that can be modified with a single request.',
      );
    }
    left -= replaced.reduce((sum, piece) => sum + piece.length, 0);
  }
}
