import * as z from 'zod';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import { runDoctor } from '../../shared/jobs/doctor/doctor.ts';
import { KEY } from '../../shared/jobs/doctor/key-checks.ts';
import { bucketGroup } from '../../shared/jobs/doctor/repository-group.ts';
import type { DoctorGroup, DoctorRow } from '../../shared/jobs/doctor/row.ts';
import { signingChecks } from '../../shared/jobs/doctor/signing-check.ts';
import type { Invocation } from './invocation.ts';
import { redact } from './redact.ts';
import { repositoryPlace } from './settings.ts';

/** What a function's role may do, as far as the doctor needs to know. */
export interface DoctorDuties {
  /** Where its role may put an object; undefined: nowhere suitable for a probe. */
  readonly probe?: 'expired' | 'runs';
  /** Whether it signs its backups or decisions. @default false */
  readonly signs?: boolean;
  /** It opens no repository, and has no right to it. @default false */
  readonly isApart?: boolean;
  /** Databases that it logs in to. */
  readonly places?: (config: ResolvedConfig) => readonly DoctorGroup[];
}

/** The event by which `doctor --deployed` calls a function. */
export const DoctorEvent = z.strictObject({ doctor: z.literal(true) });

/** What a function found out about itself. */
export interface DoctorAnswer {
  readonly checks: readonly DoctorRow[];
}

/** Whether an event asks for that rather than for the function's job. */
export function isDoctorEvent(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'doctor' in event && event.doctor === true;
}

/** Checks everything that this function needs, with its own role, in its own network. */
export async function examineHere(
  { config, signal }: Invocation,
  { probe, signs = false, isApart = false, places }: DoctorDuties,
): Promise<DoctorAnswer> {
  const repository = (): DoctorGroup =>
    bucketGroup({
      config: { ...config, ...repositoryPlace(config), cacheBytes: undefined, graceMs: undefined },
      probe,
      settings: [],
      wantsLock: false,
      key: [
        ...(config.kmsKey === undefined && config.encryptionKey === undefined ? [] : KEY),
        ...(signs ? signingChecks(config) : []),
      ],
      madeBy: 'backup',
    });
  const groups = [...(isApart ? [] : [repository()]), ...(places?.(config) ?? [])];
  const rows = await Array.fromAsync(runDoctor(groups, { signal }));
  return { checks: rows.map(redacted) };
}

function redacted({ seen, fix, ...row }: DoctorRow): DoctorRow {
  return { ...row, seen: redact(seen), fix: fix === null ? null : redact(fix) };
}
