import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import type { KeyContext, KeyPurpose, WrappedKey } from '../../../shared/keys/key-provider.ts';
import { TEST_KEY } from '../repository/engine.ts';

/** The test key, counting what it opens by purpose. */
export class CountingKeys extends HexKeyProvider {
  readonly opened: KeyPurpose[] = [];

  constructor() {
    super(TEST_KEY);
  }

  override unwrapDataKey(wrapped: WrappedKey, context: KeyContext): Promise<Uint8Array> {
    this.opened.push(context.purpose);
    return super.unwrapDataKey(wrapped, context);
  }

  /** Purposes opened since the last call, each once. */
  take(): readonly KeyPurpose[] {
    return [...new Set(this.opened.splice(0))].toSorted();
  }
}
