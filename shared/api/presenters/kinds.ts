import * as z from 'zod';
import type { RestoreOption } from '../../sources/plugin.ts';
import { KINDS } from '../../sources/registry.ts';
import type { StatusAnswer } from '../schema/status.ts';

/** What a console must know of each kind of database, from its plugin. */
export function kindsJson(): StatusAnswer['configured']['kinds'] {
  return KINDS.map(({ kind, displayName, exports = [], takesEveryKind = false, restoreOptions = {} }) => ({
    kind,
    name: displayName,
    exports: exports.map(({ format, label, needsDataset = false }) => ({ format, label, needsDataset })),
    takesEveryKind,
    restoreOptions: Object.entries(restoreOptions).flatMap(([name, option]) => {
      const { label, help } = option;
      return label === undefined ? [] : [{ name, label, help, type: typeOf(option) }];
    }),
  }));
}

function typeOf({ schema }: RestoreOption): 'switch' | 'number' | 'text' {
  if (schema instanceof z.ZodBoolean) return 'switch';
  return schema instanceof z.ZodNumber ? 'number' : 'text';
}
