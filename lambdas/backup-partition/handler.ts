import * as z from 'zod';
import { backupShare } from '../../shared/jobs/backup/backup-share.ts';
import { examinedSources } from '../runtime/doctor-sources.ts';
import { run, source, type } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';
import { openConfiguredSource } from '../runtime/sources.ts';

const Event = z.strictObject({ run, source, type, share: z.number().int().min(0) });

/** Reads one share of a planned backup and stores it. */
export const handler = defineFunction(
  Event,
  async ({ run, share, source: name }, invocation) => {
    const { config, signal, onProgress } = invocation;
    const source = await openConfiguredSource(name, config, signal);
    return backupShare(await invocation.repository(), source, { run, share, onProgress, signal });
  },
  { probe: 'runs', places: examinedSources },
);
