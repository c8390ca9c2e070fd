import type * as z from 'zod';
import { AUDIT_FORMATS, EXPORT_FORMATS, type LimitClass, type Role } from '../../core/api-names.ts';
import type { FileFormat } from '../../core/export-types.ts';
import { ApiKeysAnswer, CreateApiKeyBody, CreatedApiKey, RevokedApiKey } from './api-keys.ts';
import {
  AcceptAnswer,
  AcceptBody,
  BackupDetailAnswer,
  HoldAnswer,
  HoldBody,
  ListAnswer,
  ListQuery,
  RetentionAnswer,
  RetentionQuery,
} from './backups.ts';
import { ChangesAnswer } from './changes.ts';
import { DrillAnswer, DrillsAnswer, DrillsQuery } from './drills.ts';
import { DiffAnswer, DiffQuery, RowHistoryAnswer, RowHistoryQuery, RowsAnswer, RowsQuery } from './inside.ts';
import { NotificationsAnswer, NotificationTestAnswer, NotificationTestBody } from './notifications.ts';
import {
  CopyBody,
  CreateBody,
  DownloadLink,
  DownloadQuery,
  DrillBody,
  LockBody,
  RestoreBody,
  RestorePlanAnswer,
  RunAnswer,
  RunStarted,
  RunsAnswer,
  RunsQuery,
  VerifyBody,
} from './runs.ts';
import {
  AuditAnswer,
  AuditExportQuery,
  AuditQuery,
  HealthAnswer,
  StatusAnswer,
  StorageAnswer,
} from './status.ts';

/** One route, and what it takes and returns. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Relative to `API_BASE`. `{key}`, `{id}`, `{report}` and `{source}` stand for one parameter, the last of the path. */
  readonly path: string;
  /** One line for openapi.json. */
  readonly summary: string;
  /** What a caller needs; `open`: nothing, if the configuration allows it. */
  readonly role: Role | 'open';
  /**
   * What a caller with some sources gets: `own`: what concerns only these; `all`: nothing, as it concerns all
   * sources; `people`: nothing either, and no API key does.
   */
  readonly scope: 'own' | 'all' | 'people';
  readonly limit: LimitClass;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** JSON of each successful status. */
  readonly answers: Readonly<Record<number, z.ZodType>>;
  /** It may also return 200 with a file, in one of these formats. */
  readonly files?: readonly FileFormat[];
  /** It returns 200 with server-sent events. */
  readonly isEvents?: boolean;
}

/** Every route of the admin API. The router, openapi.json and the access tests derive from this table. */
export const API_ROUTES = {
  health: {
    method: 'GET',
    path: '/health',
    summary: 'Whether backups can run; 503 if they cannot. Viewers also see why.',
    role: 'open',
    scope: 'own',
    limit: 'poll',
    answers: { 200: HealthAnswer, 503: HealthAnswer },
  },
  status: {
    method: 'GET',
    path: '/status',
    summary: 'Whether all is well, by source, and what to do; who the caller is.',
    role: 'viewer',
    scope: 'own',
    limit: 'read',
    answers: { 200: StatusAnswer },
  },
  create: {
    method: 'POST',
    path: '/create',
    summary: 'Start a backup.',
    role: 'operator',
    scope: 'own',
    limit: 'write',
    body: CreateBody,
    answers: { 202: RunStarted },
  },
  list: {
    method: 'GET',
    path: '/list',
    summary: 'All backups, newest first, by cursor.',
    role: 'viewer',
    scope: 'own',
    limit: 'read',
    query: ListQuery,
    answers: { 200: ListAnswer },
  },
  download: {
    method: 'GET',
    path: '/download/{key}',
    summary: 'A plain export of a backup: the file, a run that prepares it, or a link to a prepared one.',
    role: 'restorer',
    scope: 'own',
    limit: 'write',
    query: DownloadQuery,
    answers: { 200: DownloadLink, 202: RunStarted },
    files: EXPORT_FORMATS,
  },
  runs: {
    method: 'GET',
    path: '/runs',
    summary: 'Runs, newest first.',
    role: 'viewer',
    scope: 'own',
    limit: 'poll',
    query: RunsQuery,
    answers: { 200: RunsAnswer },
  },
  run: {
    method: 'GET',
    path: '/runs/{id}',
    summary: 'A run: progress, the end of its log, its result.',
    role: 'viewer',
    scope: 'own',
    limit: 'poll',
    answers: { 200: RunAnswer },
  },
  events: {
    method: 'GET',
    path: '/events/{id}',
    summary: 'A run in progress, as server-sent events: `run` at each change, `log` for each new line.',
    role: 'viewer',
    scope: 'own',
    limit: 'poll',
    answers: {},
    isEvents: true,
  },
  cancel: {
    method: 'DELETE',
    path: '/runs/{id}',
    summary: 'Cancel a run. Needs the same role as starting one of its kind.',
    role: 'viewer',
    scope: 'own',
    limit: 'write',
    answers: { 202: RunStarted },
  },
  backup: {
    method: 'GET',
    path: '/backups/{key}',
    summary: 'A backup: datasets, sizes, what is suspect, verifications, why it is kept.',
    role: 'viewer',
    scope: 'own',
    limit: 'read',
    answers: { 200: BackupDetailAnswer },
  },
  rows: {
    method: 'GET',
    path: '/rows/{key}',
    summary:
      'Rows of a dataset. Only restorers see them as they are; others masked, if the source has rules.',
    role: 'viewer',
    scope: 'own',
    limit: 'poll',
    query: RowsQuery,
    answers: { 200: RowsAnswer },
  },
  diff: {
    method: 'GET',
    path: '/diff/{key}',
    summary: 'What differs between a backup and another one, or its source as it is now.',
    role: 'restorer',
    scope: 'own',
    limit: 'poll',
    query: DiffQuery,
    answers: { 200: DiffAnswer },
  },
  rowHistory: {
    method: 'GET',
    path: '/row-history',
    summary: 'Every version of one row over the backups of a source.',
    role: 'restorer',
    scope: 'own',
    limit: 'poll',
    query: RowHistoryQuery,
    answers: { 200: RowHistoryAnswer },
  },
  changes: {
    method: 'GET',
    path: '/changes/{source}',
    summary: 'What is stored of the changes of a source: which moments can be restored, gaps, lag.',
    role: 'viewer',
    scope: 'own',
    limit: 'read',
    answers: { 200: ChangesAnswer },
  },
  restore: {
    method: 'POST',
    path: '/restore',
    summary: 'Plan a restore (dryRun), then start it with the token of the plan.',
    role: 'restorer',
    scope: 'own',
    limit: 'write',
    body: RestoreBody,
    answers: { 200: RestorePlanAnswer, 202: RunStarted },
  },
  verify: {
    method: 'POST',
    path: '/verify',
    summary: 'Start a verification.',
    role: 'operator',
    scope: 'own',
    limit: 'write',
    body: VerifyBody,
    answers: { 202: RunStarted },
  },
  drill: {
    method: 'POST',
    path: '/drill',
    summary: 'Begin a drill: restore into a scratch database, compare, drop it.',
    role: 'operator',
    scope: 'own',
    limit: 'write',
    body: DrillBody,
    answers: { 202: RunStarted },
  },
  copy: {
    method: 'POST',
    path: '/copy',
    summary: 'Start copying what a second place lacks; on AWS 501: the function copy does it.',
    role: 'operator',
    scope: 'all',
    limit: 'write',
    body: CopyBody,
    answers: { 202: RunStarted },
  },
  lock: {
    method: 'POST',
    path: '/lock',
    summary: 'Start extending the locks of what backups need; on AWS 501: the function lock does it.',
    role: 'operator',
    scope: 'all',
    limit: 'write',
    body: LockBody,
    answers: { 202: RunStarted },
  },
  drills: {
    method: 'GET',
    path: '/drills',
    summary: 'Drills, newest first, from their reports.',
    role: 'viewer',
    scope: 'own',
    limit: 'read',
    query: DrillsQuery,
    answers: { 200: DrillsAnswer },
  },
  drillEvidence: {
    method: 'GET',
    path: '/drills/{report}',
    summary: 'The evidence of a drill: what was compared, and what vouches for the report.',
    role: 'viewer',
    scope: 'own',
    limit: 'read',
    answers: { 200: DrillAnswer },
  },
  drillReport: {
    method: 'GET',
    path: '/drill-reports/{report}',
    summary: 'The report of a drill, byte for byte, as it was signed.',
    role: 'viewer',
    scope: 'own',
    limit: 'read',
    answers: {},
    files: ['json'],
  },
  hold: {
    method: 'POST',
    path: '/hold',
    summary: 'Keep a backup, whatever retention says.',
    role: 'operator',
    scope: 'own',
    limit: 'write',
    body: HoldBody,
    answers: { 200: HoldAnswer },
  },
  release: {
    method: 'DELETE',
    path: '/hold',
    summary: 'Release a held backup.',
    role: 'operator',
    scope: 'own',
    limit: 'write',
    body: HoldBody,
    answers: { 200: HoldAnswer },
  },
  accept: {
    method: 'POST',
    path: '/accept',
    summary: 'Confirm that suspect backups are as they should be.',
    role: 'operator',
    scope: 'own',
    limit: 'write',
    body: AcceptBody,
    answers: { 200: AcceptAnswer },
  },
  notifications: {
    method: 'GET',
    path: '/notifications',
    summary: 'Channels that are notified of changes, and what they were sent last.',
    role: 'viewer',
    scope: 'all',
    limit: 'read',
    answers: { 200: NotificationsAnswer },
  },
  notificationTest: {
    method: 'POST',
    path: '/notifications/test',
    summary: 'Send one test to a channel, and return the response.',
    role: 'operator',
    scope: 'all',
    limit: 'write',
    body: NotificationTestBody,
    answers: { 200: NotificationTestAnswer },
  },
  retention: {
    method: 'GET',
    path: '/retention',
    summary: 'What a prune would keep and remove now, and why.',
    role: 'viewer',
    scope: 'all',
    limit: 'read',
    query: RetentionQuery,
    answers: { 200: RetentionAnswer },
  },
  storage: {
    method: 'GET',
    path: '/storage',
    summary: 'What is stored, how it grew, and what is saved.',
    role: 'viewer',
    scope: 'all',
    limit: 'read',
    answers: { 200: StorageAnswer },
  },
  audit: {
    method: 'GET',
    path: '/audit',
    summary: 'Who did what, newest first.',
    role: 'viewer',
    scope: 'own',
    limit: 'read',
    query: AuditQuery,
    answers: { 200: AuditAnswer },
  },
  auditExport: {
    method: 'GET',
    path: '/audit/export',
    summary: 'The audit trail as a file: CSV, or one line of JSON per entry.',
    role: 'viewer',
    scope: 'own',
    limit: 'write',
    query: AuditExportQuery,
    answers: {},
    files: AUDIT_FORMATS,
  },
  apiKeys: {
    method: 'GET',
    path: '/api-keys',
    summary: 'API keys, newest first, and when each was used last.',
    role: 'admin',
    scope: 'people',
    limit: 'read',
    answers: { 200: ApiKeysAnswer },
  },
  createApiKey: {
    method: 'POST',
    path: '/api-keys',
    summary: 'Make an API key. Only this response contains its secret.',
    role: 'admin',
    scope: 'people',
    limit: 'write',
    body: CreateApiKeyBody,
    answers: { 200: CreatedApiKey },
  },
  revokeApiKey: {
    method: 'DELETE',
    path: '/api-keys/{id}',
    summary: 'Revoke an API key: it no longer works.',
    role: 'admin',
    scope: 'people',
    limit: 'write',
    answers: { 200: RevokedApiKey },
  },
} as const satisfies Readonly<Record<string, ApiRoute>>;

/** A route, by its name in the code. */
export type RouteId = keyof typeof API_ROUTES;
type Routes = typeof API_ROUTES;

/** The body of a route's request, after its defaults; undefined if it has none. */
export type BodyOf<R extends RouteId> = Routes[R] extends { readonly body: infer B extends z.ZodType }
  ? z.output<B>
  : undefined;

/** The query of a route, after its defaults; undefined if it has none. */
export type QueryOf<R extends RouteId> = Routes[R] extends { readonly query: infer Q extends z.ZodType }
  ? z.output<Q>
  : undefined;

/** The response of a route on success. */
export type AnswerOf<R extends RouteId> = {
  [S in keyof Routes[R]['answers']]: Routes[R]['answers'][S] extends z.ZodType
    ? z.output<Routes[R]['answers'][S]>
    : never;
}[keyof Routes[R]['answers']];
