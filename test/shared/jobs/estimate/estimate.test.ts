import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { KiB, MiB } from '../../../../shared/core/units.ts';
import { estimateBackups } from '../../../../shared/jobs/estimate/estimate.ts';
import { FilesSource } from '../../../../shared/sources/files/source.ts';
import { runCli } from '../../../support/command-line.ts';
import { never } from '../../../support/repository/engine.ts';
import { temporaryFolder } from '../../../support/temporary.ts';
