/** `holdfast/express`: backups and their admin API in an application that is there. docs/api.md, "In an Express application". */
export { type AdminRouterOptions, type ApplicationRequest, adminRouter } from './express/admin-router.ts';
export { type Backups, type StartBackupsOptions, startBackups } from './express/start-backups.ts';
