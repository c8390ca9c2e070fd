/** Tells a thread that blocks that what it waits for is there; raised once for each answer, lowered by who waited. */
export function raise(flag: Int32Array): void {
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
}

/** Blocks until the flag is up, and lowers it. Being woken alone says nothing: the call for the answer before may come late. */
export function awaitRaised(flag: Int32Array): void {
  while (Atomics.load(flag, 0) === 0) Atomics.wait(flag, 0, 0);
  Atomics.store(flag, 0, 0);
}
