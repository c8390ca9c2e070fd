import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { EVENT_SOURCE } from '../../shared/config/events.ts';
import { type NotifyChannel, secretsOf } from '../../shared/config/notifications.ts';
import { loginStatements } from './database-logins.ts';
import type { RepositoryPlace } from './permissions.ts';

/** The rights to notify channels: their secrets, topics and buses, and the notices of what was sent. */
export function notifyStatements(
  { bucketArn, prefix }: Pick<RepositoryPlace, 'bucketArn' | 'prefix'>,
  channels: readonly NotifyChannel[],
): PolicyStatement[] {
  if (channels.length === 0) return [];
  const topics = channels.flatMap((channel) => (channel.kind === 'email' ? [channel.topic] : []));
  const buses = channels.flatMap((channel) => (channel.kind === 'eventbridge' ? [channel.bus] : []));
  const keys = channels.flatMap((channel) =>
    'secretKey' in channel && channel.secretKey !== undefined ? [channel.secretKey] : [],
  );
  const secrets = [...new Set(channels.flatMap(secretsOf))];
  return [
    new PolicyStatement({
      sid: 'Notices',
      actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      resources: [`${bucketArn}/${prefix}notices/*`],
    }),
    ...loginStatements([{ secrets, keys, users: [] }]),
    ...(topics.length > 0
      ? [new PolicyStatement({ sid: 'Publish', actions: ['sns:Publish'], resources: topics })]
      : []),
    ...(buses.length > 0
      ? [
          new PolicyStatement({
            sid: 'Notify',
            actions: ['events:PutEvents'],
            resources: buses,
            conditions: { StringEquals: { 'events:source': EVENT_SOURCE } },
          }),
        ]
      : []),
  ];
}
