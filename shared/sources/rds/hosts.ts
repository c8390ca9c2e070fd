/** Of RDS, Aurora and RDS Proxy: with a region before or after `rds`, in GovCloud and China too. */
const HOST = /\.rds(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?\.?$/i;
const REGION = /(?:^|\.)([a-z]{2}(?:-[a-z]+)+-\d)\./i;

/** Whether a database has its certificate from an authority of Amazon's own, which no system trusts. */
export function isRdsHost(host: string): boolean {
  return HOST.test(host);
}

/** `eu-west-1`; undefined if the name holds none. */
export function regionOfHost(host: string): string | undefined {
  return REGION.exec(host)?.[1]?.toLowerCase();
}
