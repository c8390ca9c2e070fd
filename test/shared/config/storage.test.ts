import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../shared/config/config.ts';
import { storageClassOf } from '../../../shared/config/storage.ts';

const resolve = (file: object) => resolveConfig({ file, fileName: 'holdfast.config.ts', env: {}, flags: {} });

describe('storage classes of the configuration', () => {
  it('are by type, with one for all others', () => {
    const { storageClass } = resolve({ storageClass: { daily: 'STANDARD_IA', '*': 'GLACIER_IR' } });
    expect(['daily', 'weekly'].map((type) => storageClassOf(storageClass, type))).toEqual([
      'STANDARD_IA',
      'GLACIER_IR',
    ]);
    expect(storageClassOf(resolve({}).storageClass, 'daily')).toBeUndefined();
    expect(storageClassOf({}, 'constructor')).toBeUndefined();
  });

  it.each(['ONEZONE_IA', 'GLACIER', 'DEEP_ARCHIVE', 'standard', ''])('refuse %s', (daily) => {
    expect(() => resolve({ storageClass: { daily } })).toThrow(
      expect.objectContaining({
        code: 'E_CONFIG',
        message: expect.stringMatching(/storageClass\.daily.*GLACIER_IR/),
      }),
    );
  });

  it('refuse what is no type', () => {
    expect(() => resolve({ storageClass: { 'No type': 'STANDARD' } })).toThrow(
      expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining('a type has') }),
    );
  });

  it('leave deltas on unless they are switched off', () => {
    expect([resolve({}), resolve({ deltas: false })].map(({ deltas }) => deltas)).toEqual([true, false]);
  });
});
