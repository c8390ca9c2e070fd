/**
 * Calls `work` on up to `most` items at once and yields the results in the order of the items. When one
 * fails, or the consumer stops, no more are begun and those under way are waited for.
 */
export async function* orderedMap<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  most: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const underWay: Promise<R>[] = [];
  const next = async () => (await underWay.shift()) as R;
  try {
    for await (const item of items) {
      const result = work(item);
      // Its failure is seen when its turn comes.
      result.catch(() => {});
      underWay.push(result);
      if (underWay.length >= most) yield await next();
    }
    while (underWay.length > 0) yield await next();
  } finally {
    await Promise.allSettled(underWay);
  }
}
