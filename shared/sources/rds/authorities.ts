import { HoldfastError } from '../../core/errors.ts';
import { regionOfHost } from './hosts.ts';
import bundle from './rds.authorities.json' with { type: 'json' };

/**
 * The certificates that a server of RDS, Aurora or RDS Proxy is checked with, as PEM. `npm run
 * rds-authorities` renews them; the file says if they are from, and when they were taken.
 *
 * @throws E_SOURCE_UNTRUSTED for a region that they say nothing of
 */
export function rdsAuthorities(host: string): readonly string[] {
  const region = regionOfHost(host);
  if (region === undefined || bundle.authorities.some(({ name }) => name.includes(` ${region} `)))
    return bundle.authorities.map(({ pem }) => pem);
  throw new HoldfastError(
    'E_SOURCE_UNTRUSTED',
    `${host}: Holdfast has no authority of RDS for ${region} to check its certificate with (its list is of ${bundle.takenAt.slice(0, 10)})`,
    {
      hint: `Fetch ${bundleUrl(region)}, and name the file as caFile or sslrootcert.`,
    },
  );
}

/** Where AWS publishes the authorities of a region. */
function bundleUrl(region: string): string {
  const file = `${region}/${region}-bundle.pem`;
  if (region.startsWith('cn-')) return `https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/${file}`;
  const partition = region.startsWith('us-gov-') ? 'us-gov-west-1.' : '';
  return `https://truststore.pki.${partition}rds.amazonaws.com/${file}`;
}
