/** Lets one task run while the caller does other things. */
export class Meanwhile {
  #running: Promise<void> | undefined;

  /** Starts a task when the one before it is done. @throws what that one threw; then the task is not started */
  async begin(task: () => Promise<void>): Promise<void> {
    await this.settle();
    this.#running = task();
    // The next `begin` or `settle` throws it.
    this.#running.catch(() => undefined);
  }

  /** Waits until nothing runs. @throws what the task threw */
  async settle(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running;
  }
}
