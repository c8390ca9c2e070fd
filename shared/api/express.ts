/**
 * `holdfast/express` and `holdfast/fetch`: backups and their admin API inside an existing application.
 * docs/reference/api.md, "In your application".
 */
export { type AdminFetchContext, type AdminFetchOptions, adminFetch } from './express/admin-fetch.ts';
export { type AdminRouterOptions, type ApplicationRequest, adminRouter } from './express/admin-router.ts';
export { type Backups, type StartBackupsOptions, startBackups } from './express/start-backups.ts';
