import { throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { ChangeDecoder, ChangeTransaction, RowChangeOfStream, StoredChanges } from '../../changes.ts';
import { writeCopyRow } from '../text/copy-text.ts';
import { displayName } from '../text/identifiers.ts';
import { copyMessages } from './copy-binary.ts';
import { decodeMessage, type Message, type Relation, type Row } from './messages.ts';
import { momentOf } from './moments.ts';
import { formatPlace, parsePlace } from './position.ts';
import { decodeJoinState, isInBase } from './transaction-ids.ts';

/** Reads segments as rows, with fields as COPY writes them. */
export const postgresChangeDecoder: ChangeDecoder = {
  async *transactions(changes, signal) {
    const messages = copyMessages(changes.bytes());
    const relations = new Map<number, Relation>();
    try {
      for (let next = await messages.next(); !next.done; next = await messages.next()) {
        throwIfAborted(signal);
        const message = decodeMessage(next.value);
        if (message.kind === 'relation') relations.set(message.relation.id, message.relation);
        if (message.kind !== 'begin') continue;
        const rows = changesOf(messages, relations);
        yield transactionOf(changes, message, rows);
        // What the caller did not read is read past, so that the next one is found.
        for await (const _ of rows);
      }
    } finally {
      await messages.return(undefined);
    }
  },

  recordWriter: () => writeCopyRow,

  hasTransaction: ({ state }, { id }) => isInBase(decodeJoinState(state), Number(id)),
};

function transactionOf(
  changes: StoredChanges,
  { xid, committedAt, commitLsn }: Extract<Message, { kind: 'begin' }>,
  rows: AsyncIterable<RowChangeOfStream>,
): ChangeTransaction {
  return {
    id: String(xid),
    committedAt: momentOf(committedAt),
    position: formatPlace({ ...parsePlace(changes.from), lsn: commitLsn }),
    changes: rows,
  };
}

/** Up to the transaction's end. @throws E_DAMAGED */
async function* changesOf(
  messages: AsyncIterator<Buffer>,
  relations: Map<number, Relation>,
): AsyncGenerator<RowChangeOfStream> {
  const named = (id: number): Relation => {
    const relation = relations.get(id);
    if (!relation)
      throw new HoldfastError(
        'E_DAMAGED',
        `the stream of changes has a row of a table that it does not describe: ${id}`,
      );
    return relation;
  };
  for (let next = await messages.next(); !next.done; next = await messages.next()) {
    const message = decodeMessage(next.value);
    switch (message.kind) {
      case 'commit':
        return;
      case 'relation':
        relations.set(message.relation.id, message.relation);
        break;
      case 'truncate':
        for (const id of message.relationIds) yield { kind: 'truncate', ...shapeOf(named(id)) };
        break;
      case 'insert':
        yield { kind: 'insert', ...shapeOf(named(message.relationId)), after: message.after };
        break;
      case 'update': {
        const relation = named(message.relationId);
        const before = message.before && known(relation, message.before);
        yield { kind: 'update', ...shapeOf(relation), before, after: message.after };
        break;
      }
      case 'delete': {
        const relation = named(message.relationId);
        yield { kind: 'delete', ...shapeOf(relation), before: known(relation, message.before) };
        break;
      }
    }
  }
  throw new HoldfastError('E_DAMAGED', 'a segment of changes ends within a transaction');
}

function shapeOf({ schema, table, columns }: Relation): Pick<RowChangeOfStream, 'dataset' | 'columns'> {
  return { dataset: displayName(schema, table), columns: columns.map(({ name }) => name) };
}

/** Of an old row only the replica identity is said, unless it is FULL. */
function known({ columns }: Relation, row: Row): Row {
  return row.map((value, i) => (columns[i]?.isKey ? value : undefined));
}
